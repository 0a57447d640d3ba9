"""The peak memory of analyses of large hostile files, one after another in one process.

`python -m tests.hostile.peak FOLDER GROUP` makes each file of a group in the folder and prints a
line of JSON.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import medical_charges as mc
from medical_charges.errors import MedicalChargesError
from tests.helpers import WITHOUT_CUBES

MIB = 1 << 20
HEADER = b"age,sex,bmi,children,smoker,region,charges"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924"
COLUMNS, FIELDS = b"".join(b",c%d" % i for i in range(5000)), b",1" * 5000

Chunks = Iterator[bytes]


def _lines(line: bytes, size: int, header: bytes = HEADER) -> Chunks:
    """Yield a header, and the same line until there are so many bytes."""
    yield header + b"\n"
    yield from repeat((line + b"\n") * (MIB // (len(line) + 1) + 1), size // MIB)


def _one_line(size: int, start: bytes = b"", byte: bytes = b"a") -> Chunks:
    """Yield good rows around one line of so many bytes."""
    yield HEADER + b"\n" + GOOD + b"\n" + start
    yield from repeat(byte * MIB, size // MIB)
    yield b"\n" + GOOD + b"\n"


CLEAN = "clean.csv"
GROUPS: dict[str, dict[str, Callable[[], Chunks]]] = {
    "rejected": {
        CLEAN: lambda: _lines(GOOD, 32 * MIB),
        "lines of one character.csv": lambda: _lines(b"x", MIB),
        "every row breaks a rule.csv.gz": lambda: _lines(GOOD.replace(b"south", b"South"), 4 * MIB),
        "every row has an odd quote.csv": lambda: _lines(b'"' + GOOD, 4 * MIB),
        "5,000 fields too many.csv": lambda: _lines(GOOD + FIELDS, 4 * MIB),
    },
    "wide": {
        CLEAN: lambda: _lines(GOOD, 32 * MIB),
        "5,000 columns.csv": lambda: _lines(GOOD + FIELDS, 8 * MIB, HEADER + COLUMNS),
        "5,000 columns, every row breaks a rule.csv": lambda: _lines(
            b"x" + GOOD + FIELDS, 8 * MIB, HEADER + COLUMNS
        ),
    },
    "long": {
        CLEAN: lambda: _lines(GOOD, 32 * MIB),
        "a bomb of rows.csv.gz": lambda: _lines(GOOD, 96 * MIB),
        "a line of 300 MB.csv": lambda: _one_line(300 * MIB),
        "a line of 300 MB.csv.gz": lambda: _one_line(300 * MIB),
        "a quoted field of 300 MB of zero bytes.csv.gz": lambda: _one_line(
            300 * MIB, b'19,"', b"\0"
        ),
    },
}
"""Files by name, in groups that share a process."""


def _write(path: Path, chunks: Chunks) -> None:
    zipped = path.suffix == ".gz"
    with gzip.open(path, "wb", 1) if zipped else path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def main(folder: Path, group: str) -> None:
    """Analyze every file of a group; print its name, the outcome and the peak so far in MiB."""
    contract = folder / "contract.yaml"
    contract.write_text(WITHOUT_CUBES)
    for name, chunks in GROUPS[group].items():
        file = folder / name
        _write(file, chunks())
        try:
            outcome = f"{mc.analyze(file, contract).summary.counted} rows"
        except MedicalChargesError as error:
            outcome = f"{type(error).__name__}: {error}"
        file.unlink()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps([name, outcome, peak]), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
