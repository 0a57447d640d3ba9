"""The scan of ranges of objects on Spark's workers."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from medical_charges.aggregates.cube import Cube, add_cube
from medical_charges.aggregates.partial import RuleCount, Tally
from medical_charges.contract import Contract
from medical_charges.errors import InputRefusedError, MedicalChargesError
from medical_charges.kernel.blocks import read_range, read_sequentially
from medical_charges.kernel.header import Header
from medical_charges.kernel.parquet.reading import ParquetReader
from medical_charges.kernel.parquet.scan import FrameScanner
from medical_charges.kernel.range import Range
from medical_charges.kernel.scan import RejectedLine, Scanned, Scanner
from medical_charges.layout import Layout
from medical_charges.storage import Store

QUARANTINE_SCHEMA = {
    "object": pl.String,
    "offset": pl.Int64,
    "line": pl.Binary,
    "rule": pl.String,
    "reason": pl.String,
}


_FILE_LINES = 1 << 15
_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class RangeResult:
    """The sums of adjacent ranges of one object."""

    identity: str
    start: int
    ranges: int
    """Number of ranges."""
    tally: Tally
    cube: Cube


@dataclass(frozen=True)
class Worker:
    """Scans ranges. It is pickled for Spark's workers, so it holds only picklable values."""

    store: Store
    contract: Contract
    block_size: int

    def scan(self, ranges: Sequence[Range]) -> Iterator[RangeResult | MedicalChargesError]:
        """Scan ranges and write their rejected lines to quarantine; yield one result per object.

        An error of the input is returned, not raised: Spark would hide it in a traceback.
        """
        scan = _ParquetRanges(self) if self.contract.source.is_parquet else _TextRanges(self)
        for identity, parts in groupby(ranges, key=lambda part: part.identity):
            tally, cube, count, start = Tally(), Cube(), 0, None
            try:
                for part in parts:
                    start = part.start if start is None else start
                    for found, scanned in self._scan_range(part, scan(part)):
                        tally = tally.merge(found)
                        add_cube(cube, scanned)
                    count += 1
            except MedicalChargesError as error:
                yield error
            else:
                yield RangeResult(identity, start or 0, count, tally, cube)

    def _scan_range(self, part: Range, found: Iterator[Scanned]) -> Iterator[tuple[Tally, Cube]]:
        waiting: list[RejectedLine] = []
        try:
            for scanned in found:
                waiting += scanned.rejected
                if _are_enough(waiting):
                    self._quarantine(part, waiting)
                    waiting = []
                yield _tally(scanned), scanned.cube
            if waiting:
                self._quarantine(part, waiting)
        except InputRefusedError as error:
            raise InputRefusedError(f"{part.ref.key}: {error}") from error

    def _quarantine(self, part: Range, rejected: list[RejectedLine]) -> None:
        rows = [
            (part.ref.key, r.offset, r.line, r.rejection.rule, r.rejection.reason) for r in rejected
        ]
        file = io.BytesIO()
        pl.DataFrame(rows, schema=QUARANTINE_SCHEMA, orient="row").write_parquet(file)
        key = Layout(self.contract.prefix).quarantine(part.identity, rejected[0].offset)
        self.store.write(key, file.getvalue())


class _TextRanges:
    """Scans ranges of CSVs."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._scanners: dict[Header, Scanner] = {}

    def __call__(self, part: Range) -> Iterator[Scanned]:
        if part.header not in self._scanners:
            self._scanners[part.header] = Scanner(self._worker.contract, part.header)
        for offset, block in self._blocks(part):
            yield from self._scanners[part.header].scan(block, offset)

    def _blocks(self, part: Range) -> Iterator[tuple[int, bytes]]:
        header, worker = part.header, self._worker
        if part.end is not None:
            yield read_range(worker.store, part.ref, header.data_start, part.start, part.end)
        else:
            yield from read_sequentially(
                worker.store,
                part.ref,
                header.data_start,
                # The rest of one block and the next block are in memory together.
                max(1, worker.block_size // 16),
                zipped=header.gzip,
                dialect=worker.contract.source,
            )


class _ParquetRanges:
    """Scans ranges of Parquet: a row group belongs to the range in which it starts."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._scanners: dict[Header, FrameScanner] = {}
        self._readers: dict[str, ParquetReader] = {}
        """The reader of the last object, as many ranges may be of one."""

    def __call__(self, part: Range) -> Iterator[Scanned]:
        worker = self._worker
        if part.header not in self._scanners:
            self._scanners[part.header] = FrameScanner(worker.contract, part.header)
        if part.identity not in self._readers:
            reader = ParquetReader.by(worker.contract, worker.store, part.ref)
            self._readers = {part.identity: reader}
        end = part.ref.size if part.end is None else part.end
        frames = self._readers[part.identity].frames(part.start, end)
        yield from self._scanners[part.header].scan_frames(frames)


def _are_enough(lines: list[RejectedLine]) -> bool:
    """Return True if rejected lines are enough for a file, and no more should wait in memory."""
    return len(lines) >= _FILE_LINES or sum(len(line.line) for line in lines) >= _FILE_BYTES


def _tally(scanned: Scanned) -> Tally:
    rules: dict[str, RuleCount] = {}
    for line in scanned.rejected:
        rule, field = line.rejection.rule, line.rejection.field
        found = RuleCount(1, () if field is None else (field,), (line.rejection.reason,))
        rules[rule] = rules[rule].merge(found) if rule in rules else found
    return Tally(scanned.rows, len(scanned.rejected), tuple(sorted(rules.items())))
