"""`python -m local_aws`: serve until SIGTERM or SIGINT, then remove everything."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from pathlib import Path

from local_aws.server import serve

_LOOK_SECONDS = 0.1


def main() -> int:
    """Serve a stack and print its address."""
    parser = argparse.ArgumentParser(prog="python -m local_aws", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".build/local_aws"), metavar="DIR")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    arguments = parser.parse_args()
    arguments.state.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=arguments.state / "log", format="%(asctime)s %(name)s %(message)s", force=True
    )
    # Not an event: to set it takes a lock, which a second signal may find taken.
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda found, _: signals.append(found))
    try:
        with serve(arguments.state, arguments.port) as stack:
            sys.stdout.write(f"{stack.endpoint}\n")
            sys.stdout.flush()
            while not signals:
                time.sleep(_LOOK_SECONDS)
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"local_aws: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
