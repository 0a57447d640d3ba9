"""The AWS stack on a laptop: moto's server, patches for its gaps, and workers that run code.

`with serve(state_dir) as stack:` holds an endpoint in this process; `python -m local_aws` holds one
in its own process.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from local_aws.stack import Stack, running

__all__ = ["Stack", "running", "serve"]


def serve(state: Path, port: int = 0) -> AbstractContextManager[Stack]:
    """Serve AWS on a port of this machine, by default one that the kernel picks."""
    # The emulator takes seconds to import, and most commands only look for a stack that runs.
    from local_aws import server  # noqa: PLC0415

    return server.serve(state, port)
