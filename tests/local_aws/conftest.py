"""Two endpoints: the emulator as it comes, and the stack. One of each serves all tests here."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.local_aws.endpoints import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The emulator with the same options that the stack sets, and nothing else.
_BARE = """
import logging, sys
from moto.core.config import default_user_config
default_user_config["stepfunctions"]["execute_state_machine"] = True
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication, MotoRequestHandler, create_backend_app,
)
import os
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
logging.getLogger("moto").setLevel(logging.CRITICAL)
server = make_server(
    "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app),
    threaded=True, request_handler=MotoRequestHandler,
)
os.environ["MOTO_PORT"] = str(server.port)
print(f"http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="session")
def bare() -> Iterator[Endpoint]:
    """The emulator, unpatched."""
    with subprocess.Popen(
        [sys.executable, "-c", _BARE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield Endpoint(process.stdout.readline().strip())
        process.kill()


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(state: Path) -> Iterator[Endpoint]:
    """The stack, in a process of its own as users run it."""
    with subprocess.Popen(
        [sys.executable, "-m", "local_aws", "--state", str(state)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield Endpoint(process.stdout.readline().strip())
        process.terminate()
        assert process.wait(60) == 0
