"""The arguments of a Glue job. Only this module needs `awsglue`."""

from __future__ import annotations

from collections.abc import Sequence


def glue_arguments(argv: Sequence[str], *names: str) -> dict[str, str]:
    """Return the job's arguments with these names, from all that Glue passes to a script."""
    # Part of Glue; elsewhere the distribution is awsgluedataplanepython.
    from awsglue.utils import getResolvedOptions  # noqa: PLC0415

    found = getResolvedOptions(list(argv), list(names))
    return {name: str(found[name]) for name in names}
