"""One stack for all of these tests: applied once, used by all, destroyed at the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from ops.stack import deployed
from tests.functional.live import Execution, Live, inventory
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, ROOT

# A stack has one life, which these follow.
ORDER = (
    "first_run",
    "verify",
    "quicksight",
    "failures",
    "uploads",
    "persistent_cluster",
    "permissions",
    "destroy",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if item.path.parent == here]
    ours = sorted(
        (items[place] for place in places),
        key=lambda item: ORDER.index(item.path.stem.removeprefix("test_")),
    )
    for place, item in zip(places, ours, strict=True):
        item.add_marker(pytest.mark.stack)
        items[place] = item


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A local AWS with nothing in it, and the folder where it keeps its state."""
    state = tmp_path_factory.mktemp("functional")
    with subprocess.Popen(
        [sys.executable, "-m", "local_aws", "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip(), state
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="session")
def before(endpoint: tuple[str, Path]) -> set[str]:
    """The content of an account before anything is applied to it."""
    return inventory(endpoint[0])


@pytest.fixture(scope="session")
def live(terraform: str, endpoint: tuple[str, Path], before: set[str]) -> Iterator[Live]:
    """The stack, applied."""
    contract = CONTRACT_FILE
    with deployed(terraform, contract, Console(), endpoint[1]) as stack:
        found = Live(stack)
        assert found.inbox
        yield found


@pytest.fixture(scope="session")
def first_run(live: Live) -> Execution:
    """The execution that the upload of the real file started."""
    return live.run(lambda: live.stack.pipeline.upload(CHARGES_FILE))
