"""How a patch takes hold of the emulator, and what the patches share."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_aws.workers import Workers

log = logging.getLogger("local_aws")


class _Current:
    """The workers of the stack that this process serves now."""

    workers: Workers | None = None


def serve_with(workers: Workers) -> None:
    """From now on the patches use these workers."""
    _Current.workers = workers


def workers() -> Workers:
    """The workers of the stack."""
    if _Current.workers is None:
        raise RuntimeError("no stack is being served")
    return _Current.workers


def wrap(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put the decorated function in the place of `owner.name`; it gets the original first."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        original = getattr(owner, name)

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return function(original, *args, **kwargs)

        setattr(owner, name, replacement)
        return function

    return decorate


def define(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add or replace `owner.name`, with no regard for what was there."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(owner, name, function)
        return function

    return decorate


def event_details(**kinds: Any) -> Any:
    """Details of a history event; moto's type for them wants every kind at once."""
    return kinds


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    """Run something that no caller waits for; what it raises is logged, never lost."""

    def guarded() -> None:
        try:
            work()
        except Exception:
            log.exception("%s failed", name)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
