"""The data for the faults: small data with every edge case, and data with small groups."""

from __future__ import annotations

from functools import cache

from medical_charges.contract import Contract, load_contract
from medical_charges.contract.parts.dashboard import Dashboard
from tests.helpers import CHARGES_FILE, CONTRACT_FILE

EDGES = (
    b"20,female,18.5,1,no,northeast,2000.5",
    b"30,male,25,0,yes,southwest,30000.25",
    b"60,female,30,2,no,northwest,14000.000001",
    b"70,male,22,0,no,southwest,9000.9",
    b"91,male,29.999,0,no,southeast,15000.1",
    b"95,female,24.95,0,yes,northeast,41000.7",
)
"""On a band's edge, of an age that nobody else has, or of one that is top-coded."""

BAD = (
    b"44,male,150,1,no,northeast,1000",
    b"130,female,25,1,no,northwest,1000",
    b"44,other,25,1,no,southeast,1000",
    b"44,male,25,1,no,southwest,NaN",
)
"""Each breaks a rule."""


@cache
def guarded() -> Contract:
    """The real data's contract, without the cubes, whose protection takes long."""
    contract = load_contract(CONTRACT_FILE)
    return contract.model_copy(update={"dashboard": Dashboard()})


@cache
def opened() -> Contract:
    """The real data's contract under which nothing is suppressed, so that every figure shows."""
    contract = load_contract(CONTRACT_FILE)
    disclosure = contract.disclosure.model_copy(update={"minimum_cell": 1})
    return contract.model_copy(update={"disclosure": disclosure})


@cache
def real_lines() -> tuple[bytes, ...]:
    """The real file's header and rows."""
    return tuple(CHARGES_FILE.read_bytes().splitlines())


def csv_of(*rows: bytes) -> bytes:
    """A file of rows."""
    return b"\n".join([real_lines()[0], *rows, b""])


@cache
def small() -> dict[str, bytes]:
    """Two objects, one cut into ranges and one with bad rows."""
    rows = real_lines()
    a = csv_of(*EDGES, *rows[1:201])
    # Without a newline at its end.
    b = csv_of(*rows[201:301], *BAD, *rows[301:401]).removesuffix(b"\n")
    return {"a.csv": a, "b.csv": b}


@cache
def with_small_groups() -> dict[str, bytes]:
    """The real file, with three people of an age that few reach."""
    rare = (b"95,female,25,0,no,northeast,1000", b"94,male,31,0,no,southeast,12000.5")
    return {"Charges.csv": csv_of(*real_lines()[1:], *rare, rare[0])}
