"""Correct but unusual runs, which no check may complain about."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.parts.analyses import Analysis, Comparison
from tests.faults import inputs
from tests.helpers import CONTRACT_FILE, VISITS_CONTRACT_FILE

Files = Mapping[str, bytes | None]
"""Changes of the input before a run: files by name, None for a removed one."""


@dataclass(frozen=True)
class Clean:
    """Runs one after the other, all of which are to be served."""

    name: str
    runs: Sequence[Files]
    contract: Callable[[], Contract] = field(default=inputs.opened)


def rows(start: int = 1, end: int | None = None) -> list[bytes]:
    """Rows of the real file, from the first one on."""
    return list(inputs.real_lines()[start:end])


def file(*of: bytes) -> bytes:
    """A file of rows, or of the real file's first 300."""
    return inputs.csv_of(*(of or rows(1, 301)))


def _shuffled(seed: int) -> bytes:
    return file(*Random(seed).sample(rows(1, 301), 300))


def _where(*fields: bytes) -> bytes:
    return file(*(row for row in rows() if set(fields) <= set(row.split(b","))))


def _columns(order: Sequence[int], data: bytes) -> bytes:
    fields = [line.split(b",") for line in data.splitlines()]
    return b"\n".join(b",".join(row[i] for i in order) for row in fields)


def _quoted(data: bytes) -> bytes:
    lines = [line.split(b",") for line in data.splitlines()]
    return b"\n".join(b",".join(b'"' + part + b'"' for part in line) for line in lines) + b"\n"


def _more_columns(data: bytes) -> bytes:
    header, *lines = data.splitlines()
    return b"\n".join([header + b",note", *(line + b",seen twice" for line in lines)])


def _with_analysis() -> Contract:
    """With an analysis by three columns and a comparison by bands in addition to the usual ones."""
    contract = inputs.opened()
    more = {"by_three": Analysis(group_by=("sex", "smoker", "bmi_category"), statistics=("mean",))}
    fat = Comparison(column="bmi_category", groups=("obese", "normal"), within=("sex",))
    return contract.model_copy(
        update={
            "analyses": {**contract.analyses, **more},
            "comparisons": {**contract.comparisons, "weight": fat},
        }
    )


def _without_extremes() -> Contract:
    contract = inputs.guarded()
    hidden = contract.disclosure.model_copy(update={"extremes": "suppress"})
    return contract.model_copy(update={"disclosure": hidden})


def _visits() -> Contract:
    return parse_contract(VISITS_CONTRACT_FILE.read_text())


def _visits_file() -> bytes:
    lines = (f"K{i % 20},{2 + i * 37 % 900 / 100},{i % 3 % 2},{i * i % 97}," for i in range(400))
    return "\n".join(["Clinic Code,glucose,insured,minutes,note", *lines]).encode()


def _with_cubes() -> Contract:
    return parse_contract(CONTRACT_FILE.read_text())


REAL = file(*rows())
OTHERS = file(*rows(301, 501))
BACKWARDS = _columns(range(6, -1, -1), file())
EVEN = b"23,male,25.5,0,no,northeast,1000"

CLEAN = (
    Clean("the real file", [{"a.csv": REAL}], inputs.guarded),
    Clean("the real file with its filter cubes", [{"a.csv": REAL}], _with_cubes),
    Clean("every edge, groups of one and bad rows", [inputs.small()]),
    Clean("small groups that are suppressed", [inputs.with_small_groups()], inputs.guarded),
    Clean("extremes are not published", [{"a.csv": REAL}], _without_extremes),
    Clean("rows in another order", [{"a.csv": _shuffled(1)}]),
    Clean("rows in yet another order", [{"a.csv": _shuffled(2)}]),
    Clean("three objects", [{f"{i}.csv": file(*rows(1 + i, 301)[::3]) for i in range(3)}]),
    Clean("compressed", [{"a.csv.gz": gzip.compress(file())}]),
    Clean("compressed and not", [{"a.csv.gz": gzip.compress(file()), "b.csv": OTHERS}]),
    Clean("CRLF", [{"a.csv": file().replace(b"\n", b"\r\n")}]),
    Clean("a byte-order mark", [{"a.csv": b"\xef\xbb\xbf" + file()}]),
    Clean("columns in another order", [{"a.csv": _columns([6, 2, 0, 5, 1, 4, 3], file())}]),
    Clean("two orders of columns", [{"a.csv": BACKWARDS, "b.csv": OTHERS}]),
    Clean("a column that the contract does not know", [{"a.csv": _more_columns(file())}]),
    Clean("every field in quotes", [{"a.csv": _quoted(file())}]),
    Clean("empty lines", [{"a.csv": file().replace(b"\n", b"\n\n")}]),
    Clean("no newline at the end", [{"a.csv": file().rstrip(b"\n")}]),
    Clean("bad rows below the limit", [{"a.csv": file(*inputs.BAD, *rows(1, 301))}]),
    Clean("an object without rows next to another", [{"a.csv": file(), "b.csv": inputs.csv_of()}]),
    Clean("one region", [{"a.csv": _where(b"northwest")}]),
    Clean("nobody smokes", [{"a.csv": _where(b"no")}]),
    Clean("women alone", [{"a.csv": _where(b"female")}]),
    Clean("one person", [{"a.csv": file(EVEN)}]),
    Clean("the same charges for all", [{"a.csv": file(*[EVEN] * 40)}]),
    Clean("charges of nothing and of much", [
        {"a.csv": file(*rows(1, 50), b"30,male,30,0,no,northeast,0",
                       b"31,male,31,0,yes,northwest,9007199254.740991")},
    ]),
    Clean("the same rows under two names", [{"a.csv": file(), "b.csv": file()}]),
    Clean("another analysis and comparison", [{"a.csv": file()}], _with_analysis),
    Clean("more comes", [{"a.csv": file()}, {"b.csv": OTHERS}]),
    Clean("an object goes", [{"a.csv": file(), "b.csv": OTHERS}, {"b.csv": None}]),
    Clean("an object is replaced", [{"a.csv": file(), "b.csv": OTHERS}, {"b.csv": REAL}]),
    Clean("one comes and one goes", [{"a.csv": file()}, {"a.csv": None, "b.csv": OTHERS}]),
    Clean("another data set", [{"a.csv": _visits_file()}], _visits),
)  # fmt: skip
