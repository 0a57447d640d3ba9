"""A run that is killed leaves the published outputs, and starting it again gives the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from medical_charges.analysis.summary import read_summary
from medical_charges.contract import Contract, load_contract, parse_contract
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from ops.folders import publish_staged
from tests.helpers import CONTRACT_FILE, ROOT, WITHOUT_CUBES, run, upload

ANALYZE_FOLDERS = """
import sys
from functools import partial
from pathlib import Path
import ops.folders
always_on_spark = partial(ops.folders.run_analysis, here_bytes=0)
ops.folders.run_analysis = always_on_spark
dataset = Path("datasets/medical_charges")
sys.exit(
    ops.folders.analyze_folders(
        dataset / "Charges.csv", dataset / "contract.yaml", Path(sys.argv[1])
    )
)
"""
BAD_ROW = b"\n19,nobody,27.9,0,yes,southwest,1\n"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(WITHOUT_CUBES)


class Killed(BaseException):
    """A simulated kill: no code runs after it, no handler either."""


class MortalStore(LocalStore):
    """A folder whose process is killed at a certain change."""

    def __init__(self, root: Path, changes: int) -> None:
        super().__init__(root)
        self.left = changes

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def write(self, key: str, data: bytes) -> None:
        self._spend()
        super().write(key, data)

    def delete(self, key: str) -> None:
        self._spend()
        super().delete(key)


def published(store: LocalStore, contract: Contract) -> dict[str, bytes]:
    return {ref.key: store.read(ref.key) for ref in store.list(Layout(contract.prefix).output)}


def quarantined(store: LocalStore) -> list[str]:
    return [ref.key for ref in store.list("MedicalCharges/Quarantine_data")]


def copied(folder: Path, target: Path) -> LocalStore:
    """A folder with the files of another, which keep the identities by which they are known."""
    shutil.copytree(folder, target, copy_function=os.link)
    return LocalStore(target)


def survive(action: Callable[[], object]) -> bool:
    try:
        action()
    except Killed:
        return False
    return True


def publish_run(store: LocalStore, contract: Contract, run_id: str) -> None:
    """Publish a run's staged outputs as a machine without Terraform does."""
    layout = Layout(contract.prefix)
    publish_staged(store, layout, read_summary(store, layout, run_id))


def test_a_run_killed_at_any_change_of_the_store_can_be_started_again(
    tmp_path: Path, contract: Contract, real_file: bytes
) -> None:
    """Every change but those of publishing, which the next test covers."""
    header, *lines = real_file.splitlines(keepends=True)
    first = header + b"".join(lines[:600])
    second = header + b"".join(lines[600:]) + BAD_ROW
    expected_store = LocalStore(tmp_path / "expected")
    upload(expected_store, contract, {"a.csv": first, "b.csv": second})
    run(expected_store, contract)
    publish_run(expected_store, contract, "run")
    expected = published(expected_store, contract)
    store = LocalStore(tmp_path / "before")
    upload(store, contract, {"a.csv": first})
    run(store, contract, "before")
    publish_run(store, contract, "before")
    before = published(store, contract)
    upload(store, contract, {"b.csv": second})
    for changes in range(100):
        root = tmp_path / str(changes)
        store = copied(tmp_path / "before", root)
        mortal = MortalStore(root, changes)
        # The ranges of the run that is killed differ, so leftovers of quarantine would show.
        if survive(lambda mortal=mortal: run(mortal, contract, "killed", range_size=5000)):  # type: ignore[misc]
            break
        assert published(store, contract) == before
        run(store, contract, "again")
        publish_run(store, contract, "again")
        assert published(store, contract) == expected
        assert len(quarantined(store)) == 1
    assert changes > 8


def test_publishing_killed_at_any_change_can_be_started_again(
    tmp_path: Path, contract: Contract, real_file: bytes
) -> None:
    store = LocalStore(tmp_path / "before")
    upload(store, contract, {"a.csv": real_file})
    run(store, contract)
    for changes in range(100):
        root = tmp_path / str(changes)
        store = copied(tmp_path / "before", root)
        mortal = MortalStore(root, changes)
        if survive(lambda mortal=mortal: publish_run(mortal, contract, "run")):  # type: ignore[misc]
            break
        publish_run(store, contract, "run")
        assert len(published(store, contract)) == len(contract.outputs)
    assert changes > len(contract.outputs)


def test_a_publication_that_fails_is_rolled_back(
    store: LocalStore, contract: Contract, real_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(store, contract, {"a.csv": real_file})
    run(store, contract, "first")
    publish_run(store, contract, "first")
    before = published(store, contract)
    upload(store, contract, {"b.csv": real_file})
    run(store, contract, "second")
    write, failures = store.write, iter([False, False, True])

    def failing(key: str, data: bytes) -> None:
        if next(failures, False):
            raise OSError("the disk is full")
        write(key, data)

    monkeypatch.setattr(store, "write", failing)
    with pytest.raises(OSError, match="full"):
        publish_run(store, contract, "second")
    assert published(store, contract) == before


def test_the_command_killed_with_its_spark_can_be_started_again(
    tmp_path: Path, real_outputs: Mapping[str, bytes]
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", ANALYZE_FOLDERS, str(out)]
    for seconds in (1.2, 2.8):
        process = subprocess.Popen(
            command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert "rows read 1338, counted 1338, rejected 0" in again.stdout
    contract = load_contract(CONTRACT_FILE)
    layout = Layout(contract.prefix)
    expected = {layout.published(name): data for name, data in real_outputs.items()}
    assert published(LocalStore(out), contract) == expected
