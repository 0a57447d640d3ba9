"""`python -m local_aws`: serve until SIGTERM or SIGINT, then remove everything."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from local_aws.server import serve


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
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    try:
        with serve(arguments.state, arguments.port) as stack:
            sys.stdout.write(f"{stack.endpoint}\n")
            sys.stdout.flush()
            ending.wait()
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"local_aws: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
