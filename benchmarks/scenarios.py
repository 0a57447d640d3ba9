"""The scenarios, measured in rounds, one subject after the other."""

from __future__ import annotations

import pickle
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers import Answers, differences, read_answers
from benchmarks.contract import contract_text
from benchmarks.data import REAL, as_parquet, empty, generate, generate_many, place
from benchmarks.measure import Measured, Warm, environment, whole
from benchmarks.results import Measurement, Results
from benchmarks.subjects import OURS, SUBJECTS
from benchmarks.subjects.this_project import RUN, keep_answers
from medical_charges.aggregates.cube import merge_cubes
from medical_charges.aggregates.state import read_latest_state
from medical_charges.analysis.engine import RANGE_BYTES, in_this_process
from medical_charges.analysis.ranges import plan_ranges, plan_tasks
from medical_charges.analysis.snapshot import (
    list_input,
    read_headers,
    take_snapshot,
    write_snapshot,
)
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.kernel.work import RangeResult, Worker
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from medical_charges.validation.recount.lines import pieces
from medical_charges.validation.recount.sums import RecountJob
from ops.folders import analysis_command

NEW_SHARE = 100
"""Number of rows for each new one, where a run reads only new data."""
NEW_OBJECTS = 1_000
"""Number of objects for each new one, where there are many."""


MERGED = 200
"""Number of cubes that the driver merges in the measurement of the merge."""
FORMATS = {"csv": "csv, processor", "parquet": "parquet, processor"}
"""By format, the measurement of its scan in one process."""
MERGE, CHECK = "merge", "check"
"""Parts of a run; the merge is measured in groups instead of rows."""


class AnswersDifferError(Exception):
    """Two subjects give different answers."""


@dataclass
class Bench:
    """The measurements of one configuration, and their files."""

    folder: Path
    results: Results
    rows: int
    rounds: int
    cores: int
    objects: int
    object_rows: int
    subjects: Sequence[str]

    def __post_init__(self) -> None:
        self.contract: Contract = parse_contract(contract_text())
        self.layout = Layout(self.contract.prefix)
        self.folder = self.folder.resolve()
        self._reference: dict[Path, Answers] = {}

    # --- scenarios

    def steady(self) -> None:
        """Measure the same file repeatedly, in processes that are reused."""
        self._steadily(self.rows, self.subjects)

    def whole(self) -> None:
        """Measure the file once, each time in a new process."""
        for number in range(self.rounds):
            for subject in self.subjects:
                if self.results.rounds("whole", subject, self.rows) <= number:
                    self._whole(subject, self.rows, number, watch=number == 0)

    def scaling(self) -> None:
        """Measure this project alone: fewer and more rows, and one core less."""
        sizes = [self.rows // 4, self.rows, self.rows * 2]
        for rows in sizes:
            self._steadily(rows, [OURS])
        for rows in sizes:
            if self.results.peak("whole", OURS, rows) is None:
                self._whole(OURS, rows, 0, watch=True)
        if self.cores > 1:
            self._steadily(self.rows, [OURS], cores=1)

    def increment(self) -> None:
        """Measure one new row in a hundred, the new rows alone, and all rows."""
        both, alone = self.folder / "stores" / "both", self.folder / "stores" / "alone"
        big, small = self._data(self.rows), self._data(self.rows // NEW_SHARE, seed=2)
        for store in (both, alone):
            empty(store)
        place(big, both, self.contract, "old.csv")
        place(small, alone, self.contract, "new.csv")
        with self._warm(OURS) as ours:
            ours.run(both, self._out("old"))
            known = _Known(both, self.layout)
            place(small, both, self.contract, "new.csv")
            ours.run(alone, self._out("new"))
            for number in range(self.rounds):
                known.restore()
                self._add("increment", number, ours.run(both, self._out("both")))
                self._forget(alone)
                self._add("increment alone", number, ours.run(alone, self._out("new")))
        with self._warm("polars_cube") as other:
            self._reference.pop(both, None)
            self._check(both, OURS, self.folder / "answers" / "both")
            out = self._out("polars_both")
            other.run(both / self.layout.input / "*.csv", out)
            self._check(both, "polars_cube", out)
        for number in range(self.rounds):
            known.restore()
            measured = self._process(OURS, both, self._out("both"), watch=number == 0)
            self._add("increment whole", number, measured.seconds, measured.peak_bytes)

    def many(self) -> None:
        """Measure many small objects, one in a thousand of them new, and the new ones alone."""
        objects, new = self.objects, max(1, self.objects // NEW_OBJECTS)
        block = self._data(self.object_rows, seed=3)
        there, alone = self.folder / "stores" / "many", self.folder / "stores" / "few"
        inputs = [store / self.layout.input for store in (there, alone)]
        if len(list(inputs[0].glob("*.csv"))) != objects:
            generate_many(block, empty(there) / self.layout.input, objects - new)
            generate_many(block, empty(alone) / self.layout.input, new, first=objects - new)
        added = sorted(inputs[1].glob("*.csv"))
        for path in added:
            (inputs[0] / path.name).unlink(missing_ok=True)
        self._forget(there)
        with self._warm(OURS) as ours:
            self._add("many first", 0, ours.run(there, self._out("many")))
            known = _Known(there, self.layout)
            for path in added:
                (inputs[0] / path.name).hardlink_to(path)
            for number in range(self.rounds + 1):
                known.restore()
                seconds = ours.run(there, self._out("many"))
                self._forget(alone)
                few = ours.run(alone, self._out("few"))
                if number:
                    self._add("many", number - 1, seconds)
                    self._add("many alone", number - 1, few)
            (inputs[0] / added[0].name).unlink()
            self._add("many removed", 0, ours.run(there, self._out("many")))
            (inputs[0] / added[0].name).hardlink_to(added[0])

    def parts(self) -> None:
        """Measure parts of a large run: the driver's merge, and the recount of validation."""
        store = LocalStore(self._source(OURS, self.rows // 4))
        with self._warm(OURS) as ours:
            ours.run(self._source(OURS, self.rows // 4), self._out("parts"))
        cube = pickle.dumps(read_latest_state(store, self.contract).cube)
        groups = MERGED * sum(map(len, pickle.loads(cube).values()))
        piece = pieces(store, "", next(store.list(self.layout.input)), Dialect())[0]
        for number in range(self.rounds):
            start = time.perf_counter()
            merge_cubes(pickle.loads(cube) for _ in range(MERGED))
            self._add(MERGE, number, time.perf_counter() - start, rows=groups)
            start = time.perf_counter()
            _, found = RecountJob(store, self.contract).recount(piece)
            self._add(CHECK, number, time.perf_counter() - start, rows=found.rows)

    def formats(self) -> None:
        """Measure the scan of the same rows as CSV and as Parquet, in this process, in turns.

        The seconds are the processor's: what else the machine does counts for neither.
        """
        stores, data = self.folder / "stores", self._data(self.rows)
        place(data, stores / "csv", self.contract, "all.csv")
        parquet = as_parquet(data, data.with_suffix(".parquet"))
        place(parquet, stores / "parquet", self.contract, "all.parquet")
        counted = set[int]()
        for number in range(self.rounds + 1):
            for form, scenario in FORMATS.items():
                seconds, rows = self._scanned_here(stores / form, form)
                counted.add(rows)
                if number:
                    self._add(scenario, number - 1, seconds)
        if counted != {self.rows}:
            raise AnswersDifferError(f"rows counted: {sorted(counted)}")

    # --- steps

    def _scanned_here(self, folder: Path, form: str) -> tuple[float, int]:
        """Return the processor seconds of a scan in this process, and the rows counted."""
        store, contract = LocalStore(folder), parse_contract(contract_text(form))
        new = read_headers(store, contract, list_input(store, contract).objects)
        start = time.process_time()
        tasks = plan_tasks(plan_ranges(new, contract, RANGE_BYTES), RANGE_BYTES)
        results = list(in_this_process(Worker(store, contract, RANGE_BYTES), tasks))
        seconds = time.process_time() - start
        tallies = [found.tally for found in results if isinstance(found, RangeResult)]
        return seconds, sum(tally.rows - tally.rejected for tally in tallies)

    def _steadily(self, rows: int, subjects: Sequence[str], cores: int | None = None) -> None:
        scenario = "steady" if cores is None else f"steady, {cores} core"
        wanted = [s for s in subjects if self.results.rounds(scenario, s, rows) < self.rounds]
        with ExitStack() as stack:
            warm = {subject: stack.enter_context(self._warm(subject, cores)) for subject in wanted}
            for number in range(self.rounds):
                for subject, process in warm.items():
                    if self.results.rounds(scenario, subject, rows) > number:
                        continue
                    # Again each time: while others run Spark ends idle workers.
                    self._prepared(subject, rows // 4)
                    process.run(self._source(subject, rows // 4), self._out("warm"))
                    self._prepared(subject, rows)
                    source, out = self._source(subject, rows), self._out(subject)
                    seconds = process.run(source, out)
                    self._add(scenario, number, seconds, subject=subject, rows=rows)
                    self._check(self._data(rows), subject, out)

    def _whole(self, subject: str, rows: int, number: int, *, watch: bool) -> None:
        self._prepared(subject, rows)
        out = self._out(subject)
        measured = self._process(subject, self._source(subject, rows), out, watch=watch)
        self._add(
            "whole", number, measured.seconds, measured.peak_bytes, subject=subject, rows=rows
        )
        self._check(self._data(rows), subject, out)

    def _process(self, subject: str, source: Path, out: Path, *, watch: bool) -> Measured:
        """Measure a subject as a whole process."""
        variables, log = environment(self.cores), self.folder / "log.txt"
        if subject != OURS:
            command = [sys.executable, "-m", "benchmarks.worker", subject, str(self.cores)]
            return whole([*command, str(source), str(out)], variables, log, watch=watch)
        store = LocalStore(source)
        write_snapshot(store, self.contract, RUN, take_snapshot(store, self.contract))
        contract = self.folder / "contract.yaml"
        contract.write_text(contract_text())
        command, more = analysis_command(source, contract, RUN, cores=self.cores)
        measured = whole(command, more | variables, log, watch=watch)
        keep_answers(source, self.contract.prefix, out)
        return measured

    @contextmanager
    def _warm(self, subject: str, cores: int | None = None) -> Iterator[Warm]:
        self.folder.mkdir(parents=True, exist_ok=True)
        process = Warm(subject, cores or self.cores, self.folder / "log.txt")
        try:
            yield process
        finally:
            process.close()

    def _data(self, rows: int, seed: int = 1) -> Path:
        return generate(REAL, self.folder / "data" / f"{rows}-{seed}.csv", rows, seed)

    def _source(self, subject: str, rows: int) -> Path:
        """Return the input of a subject: a store for this project, the file for others."""
        data = self._data(rows)
        if subject != OURS:
            return data
        store = self.folder / "stores" / str(rows)
        if not (store / self.layout.input / "all.csv").exists():
            place(data, store, self.contract, "all.csv")
        return store

    def _prepared(self, subject: str, rows: int) -> None:
        """Remove everything that is known from an earlier run."""
        if subject == OURS:
            self._forget(self._source(OURS, rows))

    def _forget(self, store: Path) -> None:
        shutil.rmtree(store / Path(self.layout.latest_state).parent, ignore_errors=True)

    def _out(self, name: str) -> Path:
        """Return an empty folder for answers."""
        return empty(self.folder / "answers" / name)

    def _check(self, source: Path, subject: str, out: Path) -> None:
        """Compare answers with the first ones for the same input."""
        found = read_answers(out)
        reference = self._reference.setdefault(source, found)
        wrong = list(differences(reference, found))
        if wrong:
            raise AnswersDifferError(f"{subject}: " + "\n".join(wrong[:10]))

    def _add(
        self,
        scenario: str,
        number: int,
        seconds: float,
        peak_bytes: int | None = None,
        *,
        subject: str = OURS,
        rows: int | None = None,
    ) -> None:
        rows = rows or self.rows
        print(
            f"{scenario:20} {SUBJECTS[subject].title:45} {rows:>12,} {seconds:9.2f} s", flush=True
        )
        self.results.add(Measurement(scenario, subject, rows, number, seconds, peak_bytes))


class _Known:
    """The stored state of a store at one moment, to be restored."""

    def __init__(self, store: Path, layout: Layout) -> None:
        self._folder = store / Path(layout.latest_state).parent
        self._latest = store / layout.latest_state
        self._pointer = self._latest.read_bytes()
        self._files = set(self._folder.rglob("*.json"))

    def restore(self) -> None:
        """Remove what was stored since."""
        for path in set(self._folder.rglob("*.json")) - self._files:
            path.unlink()
        self._latest.write_bytes(self._pointer)
