"""The work: ranges of objects, scanned where Spark puts them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from medical_charges.contract import Contract
from medical_charges.cube import Cube, merge_cubes
from medical_charges.errors import InputRefusedError, MedicalChargesError
from medical_charges.kernel.blocks import read_range, read_sequentially
from medical_charges.kernel.header import Header
from medical_charges.kernel.range import Range
from medical_charges.kernel.scan import RejectedLine, Scanned, Scanner
from medical_charges.layout import Layout
from medical_charges.partial import EXAMPLES, RuleCount, Tally
from medical_charges.storage import Store

QUARANTINE_SCHEMA = {
    "object": pl.String,
    "offset": pl.Int64,
    "line": pl.Binary,
    "rule": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True)
class RangeResult:
    """What a range came to."""

    identity: str
    start: int
    tally: Tally
    cube: Cube


@dataclass(frozen=True)
class Worker:
    """Scans ranges. It travels to Spark's workers, so it holds nothing that cannot."""

    store: Store
    contract: Contract
    block_size: int

    def scan(self, ranges: Sequence[Range]) -> Iterator[RangeResult | MedicalChargesError]:
        """Scan each range and put its rejected lines into quarantine.

        A refusal is returned rather than raised: Spark would bury it in a traceback.
        """
        scanners: dict[Header, Scanner] = {}
        for part in ranges:
            scanner = scanners.setdefault(part.header, Scanner(self.contract, part.header))
            try:
                yield self._scan_range(part, scanner)
            except MedicalChargesError as error:
                yield error

    def _scan_range(self, part: Range, scanner: Scanner) -> RangeResult:
        tally, cubes = Tally(), []
        for offset, block in self._blocks(part):
            try:
                scanned = scanner.scan(block, offset)
            except InputRefusedError as error:
                raise InputRefusedError(f"{part.ref.key}: {error}") from error
            if scanned.rejected:
                self._quarantine(part, offset, scanned.rejected)
            tally = tally.merge(_tally(scanned))
            cubes.append(scanned.cube)
        return RangeResult(part.identity, part.start, tally, merge_cubes(cubes))

    def _blocks(self, part: Range) -> Iterator[tuple[int, bytes]]:
        header = part.header
        if part.end is not None:
            yield read_range(self.store, part.ref, header.data_start, part.start, part.end)
        else:
            yield from read_sequentially(
                self.store,
                part.ref,
                header.data_start,
                self.block_size,
                zipped=header.gzip,
                multiline=self.contract.source.multiline,
            )

    def _quarantine(self, part: Range, offset: int, rejected: list[RejectedLine]) -> None:
        rows = [
            (part.ref.key, r.offset, r.line, r.rejection.rule, r.rejection.reason) for r in rejected
        ]
        file = io.BytesIO()
        pl.DataFrame(rows, schema=QUARANTINE_SCHEMA, orient="row").write_parquet(file)
        key = Layout(self.contract.prefix).quarantine(part.identity, offset)
        self.store.write(key, file.getvalue())


def _tally(scanned: Scanned) -> Tally:
    rules: dict[str, RuleCount] = {}
    for line in scanned.rejected:
        rule, field = line.rejection.rule, line.rejection.field
        known = rules.get(rule, RuleCount(0, ()))
        examples = known.examples
        if field is not None and len(examples) < EXAMPLES:
            examples += (field,)
        rules[rule] = RuleCount(known.count + 1, examples)
    return Tally(scanned.rows, len(scanned.rejected), tuple(sorted(rules.items())))
