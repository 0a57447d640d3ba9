"""One stack for all of these tests: applied once, used by all, destroyed at the end."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from ops import __main__ as ops
from ops.stack import deployed
from tests.functional.live import Execution, Live, inventory
from tests.helpers import CONTRACT_FILE, ROOT
from tests.readme import HERE, called_by

# A stack has one life, which these follow.
ORDER = (
    "first_run",
    "verify",
    "quicksight",
    "failures",
    "uploads",
    "persistent_cluster",
    "permissions",
    "serverless",
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
        stack.settle()
        found = Live(stack)
        assert found.inbox
        yield found


@dataclass
class Newcomer:
    """Someone who types the first commands of README.md."""

    out: Path
    printed: dict[str, str] = field(default_factory=dict)

    def types(self, command: str) -> None:
        (words,) = called_by(command, OUT=self.out)
        with contextlib.redirect_stdout(io.StringIO()) as screen:
            assert ops.main(words) == 0, command
        self.printed[command] = screen.getvalue()


@pytest.fixture(scope="session")
def newcomer(
    terraform: str, endpoint: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newcomer]:
    """A newcomer before the stack of these tests, on a machine without a screen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr("ops.terraform.find_or_fetch", lambda: terraform)
        patch.setattr("ops.stack.STATE", endpoint[1])
        patch.setattr("ops.stack.deployed", partial(deployed, state=endpoint[1]))
        patch.setattr("ops.page.open_page", lambda _: False)
        yield Newcomer(tmp_path_factory.mktemp("newcomer") / "out")


@pytest.fixture(scope="session")
def first_run(live: Live, newcomer: Newcomer) -> Execution:
    """The execution that README's first command started, with the upload of the real file."""
    return live.run(lambda: newcomer.types(HERE[0]))
