"""What Terraform's AWS provider needs of services that nothing else here uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATCHES: dict[str, Callable[[], None]] = {}
