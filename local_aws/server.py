"""One process that holds the endpoint, the state machine's interpreter and the workers."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from typing import TYPE_CHECKING

import psutil
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from local_aws import patches
from local_aws.gate import record
from local_aws.gate.middleware import Gate
from local_aws.processes import Processes
from local_aws.repeats import Repeats
from local_aws.stack import STATE_FILE, Stack, running
from local_aws.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOST = "127.0.0.1"
_serving = threading.Lock()


@contextlib.contextmanager
def serve(state: Path, port: int = 0) -> Iterator[Stack]:
    """Serve AWS on a port of this machine, by default one that the kernel picks.

    moto keeps its resources in module variables, so a process can hold one stack.
    """
    if not _serving.acquire(blocking=False):
        raise RuntimeError("this process already serves a stack")
    with contextlib.ExitStack() as ending:
        ending.callback(_serving.release)
        state = state.resolve()
        state.mkdir(parents=True, exist_ok=True)
        if (other := running(state)) is not None:
            raise RuntimeError(f"{other.endpoint} already serves the state folder {state}")
        ending.enter_context(_logged(state / "log"))
        record.allowed.begin(state)
        processes = Processes(state / "processes")
        ending.callback(processes.close)
        server = _listen(port)
        endpoint = f"http://{_HOST}:{server.port}"
        # The interpreter calls its own endpoint, and finds it by this name.
        os.environ["MOTO_PORT"] = str(server.port)
        patches.apply(Workers(endpoint, state, processes))
        thread = threading.Thread(target=server.serve_forever, name="endpoint", daemon=True)
        thread.start()
        ending.callback(thread.join)
        ending.callback(server.shutdown)
        file = state / STATE_FILE
        me = psutil.Process()
        found = {"endpoint": endpoint, "pid": me.pid, "started": me.create_time()}
        file.write_text(json.dumps(found))
        ending.callback(file.unlink, missing_ok=True)
        yield Stack(endpoint, state)


@contextlib.contextmanager
def _logged(file: Path) -> Iterator[None]:
    """Log the emulator's messages about failing states to a file."""
    log, handler = logging.getLogger("moto"), logging.FileHandler(file, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.propagate = True
        log.removeHandler(handler)
        handler.close()


def _listen(port: int) -> BaseWSGIServer:
    # Its log would be one line per request.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    return make_server(
        _HOST,
        port,
        Repeats(Gate(DomainDispatcherApplication(create_backend_app))),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
