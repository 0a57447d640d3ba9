"""The states of the state machine, run by the library's public functions.

The scan runs in this process, because a fault that is injected here would not reach Spark's
workers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from medical_charges.analysis.engine import in_this_process
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import read_snapshot
from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.errors import MedicalChargesError
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.runs.ledger import Ledger
from medical_charges.runs.lifecycle import (
    Order,
    Turn,
    compare_run,
    finish_run,
    generate_run_manifests,
    make_live,
    plan_run,
    publish_run,
)
from medical_charges.runs.publish import published
from medical_charges.storage import LocalStore, MirrorStore, PrefixStore
from medical_charges.validation import validate_outputs
from medical_charges.validation.artifacts import sha256_of
from medical_charges.validation.golden import check_golden
from tests.helpers import ROOT, analyze_golden

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOLDEN = LocalStore(ROOT / "glue_jobs" / "golden")
SECONDS = 60.0
RANGE_BYTES = 4096
"""Small, so that even a small object is cut into several ranges."""

ANALYSIS, GOLDEN_SAMPLE = "analysis", "golden sample"
PUBLICATION, MANIFESTS = "publication", "manifests"


@dataclass
class Run:
    """The artifacts of a run, for injecting damage."""

    store: MirrorStore
    contract: Contract
    run_id: str

    @property
    def layout(self) -> Layout:
        return Layout(self.contract.prefix)

    def edit(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Change an object, which must make a difference."""
        before = self.store.read(key)
        after = change(before)
        assert after != before
        self.store.write(key, after)

    def summary(self, **values: Any) -> None:
        """Change what the run says of itself."""
        self.edit(self.layout.summary(self.run_id), lambda data: _json(json.loads(data) | values))

    @cached_property
    def told(self) -> dict[str, Any]:
        """The run's summary."""
        found: dict[str, Any] = json.loads(self.store.read(self.layout.summary(self.run_id)))
        return found

    def read_staged(self, name: str) -> str:
        """A staged output."""
        return self.store.read(self.layout.staged(self.run_id, name)).decode()

    def staged(self, name: str, change: Callable[[bytes], bytes], *, told: bool = True) -> None:
        """Change a staged output; unless `told`, the summary still names the one before."""
        key = self.layout.staged(self.run_id, name)
        self.edit(key, change)
        if told:
            hashes = self.told["staged"] | {name: sha256_of(self.store.read(key))}
            self.told["staged"] = hashes
            self.summary(staged=hashes)

    def rows(self, name: str, change: Callable[[list[list[str]]], object]) -> None:
        """Change a staged output's rows, in place; the first is the header."""

        def edited(data: bytes) -> bytes:
            rows = list(csv.reader(io.StringIO(data.decode())))
            change(rows)
            return "".join(f"{','.join(row)}\n" for row in rows).encode()

        self.staged(name, edited)

    def rewrite(self, key: str, change: Callable[[Any], object]) -> None:
        """Change a stored value in place, under a correct checksum."""

        def edited(data: bytes) -> bytes:
            value = verify_checksum(data)
            change(value)
            return with_checksum(value)

        self.edit(key, edited)

    @property
    def partials(self) -> list[str]:
        """The keys of all partials."""
        return [ref.key for ref in self.store.list(f"{self.contract.prefix}/Cube_data/partials")]

    @property
    def quarantine(self) -> list[str]:
        """The keys of all rejected lines."""
        return [ref.key for ref in self.store.list(f"{self.contract.prefix}/Quarantine_data")]


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


Damage = Callable[[Run], object]

Where = Literal["staged", "validated", "published", "manifests"]
"""The state after which a run is damaged: its analysis, its validation, its publication, or the
writing of its manifests."""


def nothing(_: Run) -> None:
    """No damage."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run."""

    run_id: str
    caught_by: Mapping[str, str]
    """The checks that stopped it, with what they found; none if it is served."""
    changed_outputs: bool
    """True if live outputs were changed."""


@dataclass
class Machine:
    """Runs over one folder."""

    folder: Path
    contract: Contract
    ledger: Ledger
    runs: int = field(default=0)

    @cached_property
    def store(self) -> MirrorStore:
        return MirrorStore(LocalStore(self.folder), "s3://medicalcharges")

    def upload(self, files: Mapping[str, bytes | None]) -> None:
        """Put files into the input by name; None takes one out."""
        for name, data in files.items():
            key = f"{Layout(self.contract.prefix).input}/{name}"
            if data is None:
                self.store.delete(key)
            else:
                self.store.write(key, data)

    def run(
        self,
        mistake: AbstractContextManager[None] | None = None,
        damage: Mapping[Where, Damage] | None = None,
        *,
        golden: bool = False,
    ) -> Outcome:
        """One run to its end, with a mistake in its code or damage done on its way."""
        self.runs += 1
        execution = f"execution-{self.runs}"
        before = published(self.store, self.contract)
        order = Order(execution, "code")
        harm = dict.fromkeys(get_args(Where), nothing) | dict(damage or {})
        gates: Sequence[tuple[str, Where, Callable[..., object]]] = (
            (PUBLICATION, "validated", publish_run),
            (MANIFESTS, "published", generate_run_manifests),
            (MANIFESTS, "manifests", make_live),
        )
        with mistake or nullcontext():
            plan = plan_run(self.ledger, self.store, lambda: self.contract, order, SECONDS)
            assert plan.decision == "go", plan
            run = Run(self.store, self.contract, plan.run_id)
            turn = Turn(execution, plan.run_id, SECONDS)
            of_run = self.ledger, self.store, self.contract, turn
            caught = self._analyzed(run)
            if not caught:
                harm["staged"](run)
                assert not compare_run(*of_run)
                caught = self._validated(run, golden=golden)
        for gate, place, step in gates if not caught else ():
            harm[place](run)
            try:
                step(*of_run)
            except MedicalChargesError as error:
                caught = {gate: str(error)}
                break
        if not caught:
            finish_run(self.ledger, _no_other, turn)
        served = self.ledger.live()
        assert (served is not None and served.run_id == run.run_id) == (not caught)
        return Outcome(run.run_id, caught, published(self.store, self.contract) != before)

    def _analyzed(self, run: Run) -> dict[str, str]:
        try:
            snapshot = read_snapshot(
                f"file://{self.folder}/{run.layout.snapshot(run.run_id)}", self.contract
            )
            analyze(
                self.store,
                self.contract,
                run.run_id,
                snapshot,
                in_this_process,
                range_size=RANGE_BYTES,
            )
        except MedicalChargesError as error:
            return {ANALYSIS: str(error)}
        return {}

    def _validated(self, run: Run, *, golden: bool) -> dict[str, str]:
        """Both of Glue's jobs, of which neither waits for the other."""
        caught = {}
        if golden:
            try:
                check_golden(GOLDEN, PrefixStore(self.store, "golden"), analyze_golden())
            except MedicalChargesError as error:
                caught[GOLDEN_SAMPLE] = str(error)
        result = validate_outputs(_no_spark, self.store, self.contract, run.run_id)
        result.write(self.store, self.contract)
        report = json.loads(self.store.read(run.layout.validation(run.run_id, "outputs")))
        for check in report["checks"]:
            if Check(**check).stops:
                caught[check["name"]] = check["found"]
        assert report["passed"] == (not caught.keys() - {GOLDEN_SAMPLE})
        return caught


def _no_other(name: str) -> None:
    raise AssertionError(f"nothing was pending, but {name} is started")


def _no_spark() -> SparkSession:
    raise AssertionError("so little is read without Spark")
