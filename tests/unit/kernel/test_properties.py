"""Properties of any rows and any bytes, compared with exact arithmetic and plain Python.

The examples are the same in every run, unless PROPERTY_EXAMPLES sets a number of random ones.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import statistics as reference
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from medical_charges.aggregates.cube import Sums, cube_from_json, cube_to_json, merge_cubes
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.naming import not_a_label
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.parts.source import DoubleColumn, IntegerColumn, StringColumn
from medical_charges.errors import InputRefusedError
from medical_charges.kernel import scan as scan_module
from medical_charges.kernel.blocks import read_range, read_sequentially
from medical_charges.kernel.header import Header
from medical_charges.kernel.lines import Lines
from medical_charges.kernel.row_validator import Rejection, RowValidator, scale
from medical_charges.kernel.scan import Scanned, Scanner
from medical_charges.outputs import statistics
from medical_charges.storage import ObjectRef
from tests import oracle

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "150"))

many = settings(
    max_examples=EXAMPLES,
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
more = settings(many, max_examples=4 * EXAMPLES)


def contract_of(columns: str, group_by: str, measure: str, rest: str = "") -> Contract:
    return parse_contract(
        f"""
        dataset: made_up
        prefix: MadeUp
        source: {{ format: csv, columns: {{ {columns} }} }}
        measure: {measure}
        analyses:
          all_of_it: {{ group_by: [{group_by}], statistics: [patients, mean] }}
        {rest}
        """
    )


PLAIN = contract_of("g: { type: integer }, m: { type: double, decimals: 6 }", "g", "m")
REAL_COLUMNS = """
    age: { type: integer, minimum: 0, maximum: 120 },
    sex: { type: string, allowed: [female, male] },
    bmi: { type: double, minimum: 10, maximum: 100 },
    smoker: { type: string, allowed: ["yes", "no"] },
    charges: { type: double, minimum: 0, decimals: 6 }
"""
BANDED = contract_of(
    REAL_COLUMNS,
    "size, smoker",
    "charges",
    "bands: { size: { column: bmi, below: { low: 18.5, middle: 25 }, otherwise: high } }",
)
NULLABLE = contract_of(
    """g: { type: string, allowed: [a, b] }, m: { type: double, decimals: 2 },
       i: { type: integer, nullable: true, minimum: -5, maximum: 300 },
       d: { type: double, nullable: true },
       s: { type: string, nullable: true, allowed: [x, "y z"] }""",
    "g",
    "m",
)
FREE_TEXT = contract_of("t: { type: string }, m: { type: double, decimals: 0 }", "t", "m")
UNGROUPED_TEXT = contract_of(
    "m: { type: integer }, g: { type: integer }, t: { type: string, nullable: true }", "g", "m"
)
NAMED_LIKE_SUMS = contract_of(
    """n: { type: integer, minimum: -9, maximum: 9 }, total: { type: integer, nullable: true },
       row: { type: integer }, minimum: { type: double }""",
    "n, row",
    "minimum",
)
ONE_COLUMN = contract_of("only: { type: integer, minimum: -50, maximum: 50 }", "only", "only")

# The contract, and what each field of a line holds; None is a column that is ignored.
SHAPES: list[tuple[Contract, tuple[str | None, ...]]] = [
    (PLAIN, ("g", "m")),
    (PLAIN, ("m", "g")),
    (PLAIN, (None, "g", "m")),
    (PLAIN, ("g", None, "m")),
    (PLAIN, ("g", "m", None)),
    (PLAIN, (None, "g", None, None, "m", None)),
    (BANDED, ("age", "sex", "bmi", "smoker", "charges")),
    (BANDED, ("charges", "smoker", None, "bmi", "sex", "age")),
    (NULLABLE, ("g", "m", "i", "d", "s")),
    (NULLABLE, ("s", "d", "i", "m", "g")),
    (NULLABLE, ("d", "g", None, "s", "m", "i")),
    (FREE_TEXT, ("t", "m")),
    (FREE_TEXT, ("m", "t")),
    (UNGROUPED_TEXT, ("m", "g", "t")),
    (UNGROUPED_TEXT, ("t", "m", None, "g")),
    (NAMED_LIKE_SUMS, ("n", "total", "row", "minimum")),
    (ONE_COLUMN, ("only",)),
    (ONE_COLUMN, (None, "only")),
    (ONE_COLUMN, ("only", None)),
]

NASTY = [
    *("", " ", "\t", "0", "-0", "+1", " 1", "1 ", "\t1\t", "007", "1_0", "0x1", "1,5", "--1", "+"),
    *("1.", ".5", ".", "1.0", "1e3", "1E-3", "1e", "e1", "1e400", "-1e400", "1e-400", "1e5.0"),
    *("nan", "NaN", "-nan", "inf", "-inf", "Infinity", "infinit", "null", "NULL", "None", "true"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "9" * 40, "0" * 40),
    *("9007199254740992", "9007199254740993", "9007199254.740992", "90071992547409.92", "1e15"),
    *("0.0000005", "0.0000015", "1.0000005", "2.5", "3.5", "0.015", "18.5", "24.999999999999999"),
    *("\u00a01", "1\u2003", "\uff11", "\u0661", "\ufeff1", "é", "\u2028", "\x85", "\x0b1", "\x0c"),
    *(
        "a",
        "b",
        "x",
        "y z",
        "A",
        "a ",
        "yes",
        "no",
        "female",
        "#1",
        "'1'",
        "\\",
        "=1",
        "x^",
        "x\x01",
    ),
    *("a\x00", "\x001", "\x1a", "1\r", "\r", '"', '""', 'a"b', 'a"b"c', '"1"', '"1" ', ' "1"'),
    *('""1""', '"1,2"', '"a""b"', '"', '"a', 'a"', '"\r"', '"1"2', "1;2", "1|2"),
]


def plausible(name: str | None, contract: Contract) -> st.SearchStrategy[str]:
    """Fields that a column may well hold."""
    if name is None:
        return st.sampled_from(["", "anything", "12", "a b", "é"])
    column = contract.source.columns[name]
    if isinstance(column, StringColumn):
        fields = st.sampled_from(column.allowed or ("north", "south", "é", "x^", "12"))
    elif isinstance(column, IntegerColumn):
        low, high = column.minimum, column.maximum
        fields = st.integers(-40 if low is None else low, 40 if high is None else high).map(str)
    else:
        low_, high_ = column.minimum, column.maximum
        fields = st.decimals(
            -1000 if low_ is None else int(low_), 5000 if high_ is None else int(high_), places=4
        ).map(lambda value: f"{value:f}".rstrip("0").rstrip(".") or "0")
    return fields | st.just("") if column.nullable else fields


RAW_BYTES = st.sampled_from(
    [b"\xff", b"\xe9", b"\xc3\x28", b"\xef\xbb\xbf", b"\x1f\x8b", b"\x00", b"\r", b'"', b",", b" "]
)


@st.composite
def lines(draw: st.DrawFn, contract: Contract, columns: tuple[str | None, ...]) -> bytes:
    """A line that is mostly right: the more it is, the further it gets."""
    fields = [draw(plausible(name, contract)) for name in columns]
    kind = draw(st.integers(0, 9))
    if kind >= 4:
        return ",".join(fields).encode()
    if kind == 0:
        place = draw(st.integers(0, len(fields)))
        change = draw(st.sampled_from(["add", "drop", "cut", "empty"]))
        if change == "add":
            fields.insert(place, draw(st.sampled_from(["", "1", '"x,y"'])))
        elif change == "drop":
            fields = fields[:place]
        elif change == "empty":
            return draw(st.sampled_from([b"", b" ", b",", b'""', b"\t"]))
        line = ",".join(fields).encode()
        return line[: draw(st.integers(0, len(line)))] if change == "cut" else line
    if kind == 1:
        quoted = draw(st.lists(st.booleans(), min_size=len(fields), max_size=len(fields)))
        return ",".join(f'"{f}"' if q else f for f, q in zip(fields, quoted, strict=True)).encode()
    if kind == 2:
        place = draw(st.integers(0, len(fields) - 1))
        fields[place] = draw(st.sampled_from(NASTY) | st.text(max_size=4))
        return ",".join(fields).encode(errors="ignore").replace(b"\n", b" ")
    line = ",".join(fields).encode()
    place = draw(st.integers(0, len(line)))
    return line[:place] + draw(RAW_BYTES) + line[place + draw(st.integers(0, 1)) :]


Case = tuple[Contract, tuple[str | None, ...], bytes]


@st.composite
def blocks(draw: st.DrawFn) -> Case:
    """A contract, a header and a block of lines."""
    contract, columns = draw(st.sampled_from(SHAPES))
    found = draw(st.lists(lines(contract, columns), min_size=1, max_size=8))
    ends = draw(
        st.sampled_from([[b"\n"], [b"\r\n"], [b"\n", b"\r\n"], [b"\n", b"\n\n", b"\r\r\n"]])
    )
    block = b"".join(line + draw(st.sampled_from(ends)) for line in found)
    return contract, columns, block if draw(st.booleans()) else block.removesuffix(b"\n")


def header_of(columns: tuple[str | None, ...]) -> Header:
    return Header(columns, (), 0, gzip=False)


def together(parts: Iterable[Scanned]) -> Scanned:
    """What a scan found, part by part."""
    found = list(parts)
    return Scanned(
        merge_cubes(part.cube for part in found),
        sum(part.rows for part in found),
        [line for part in found for line in part.rejected],
    )


def in_plain_cube(scanned: Scanned) -> dict[tuple[str, ...], dict[object, tuple[int, ...]]]:
    """A cube as `oracle.cube` gives it: no group means no cell."""
    return {names: {k: tuple(v) for k, v in cells.items()} for names, cells in scanned.cube.items()}


def check(contract: Contract, columns: tuple[str | None, ...], block: bytes, offset: int) -> None:
    """Hold a scan against the oracle: groups, sums, rejected lines and where they stand."""
    physical = oracle.lines_of(block)
    verdicts = [(start, line, oracle.row_of(line, columns, contract)) for start, line in physical]
    rows = [row for _, _, row in verdicts if row is not None]
    scanner = Scanner(contract, header_of(columns))
    grouping = [name for name in contract.grouping_columns if name not in contract.bands]
    if any(isinstance(v := row[name], str) and not_a_label(v) for row in rows for name in grouping):
        with pytest.raises(InputRefusedError):
            together(scanner.scan(block, offset))
        return
    scanned = together(scanner.scan(block, offset))
    expected = oracle.cube(rows, contract)
    found = in_plain_cube(scanned)
    assert {names: found.get(names, {}) for names in expected} == expected
    assert [(r.offset - offset, r.line) for r in scanned.rejected] == [
        (start, line) for start, line, row in verdicts if row is None
    ]
    assert scanned.rows == len(physical) == len(rows) + len(scanned.rejected)
    for bad in scanned.rejected:
        start = bad.offset - offset
        assert block[start : start + len(bad.line)] == bad.line
        assert block[start + len(bad.line) :][:1] in {b"", b"\r", b"\n"}


@more
@given(blocks(), st.integers(0, 10**12))
@example((NULLABLE, ("g", "m", "i", "d", "s"), b"a,1,2,3\na,1,2,3,x,y\n"), 0)
@example((PLAIN, ("g", "m", None), b"1,2\n1,2,3,4\n"), 0)
@example((PLAIN, ("g", "m"), b"\xef\xbb\xbf1,2\n1,2\n"), 5)
@example((PLAIN, ("g", "m"), b"1,2\n\xef\xbb\xbf1,2\n"), 5)
@example((FREE_TEXT, ("t", "m"), b"x^,1\ny,2\n"), 0)
@example((FREE_TEXT, ("t", "m"), b"x\x9c,1\ny,2\n"), 0)
@example((FREE_TEXT, ("t", "m"), b"x\xda,1\ny,2\n"), 0)
@example((FREE_TEXT, ("t", "m"), b"\x28\xb5\x2f\xfd,1\ny,2\n"), 0)
@example((FREE_TEXT, ("t", "m"), b"\x1f\x8b,1\ny,2\n"), 0)
@example((UNGROUPED_TEXT, ("m", "g", "t"), b'1,2,a"b\n1,2,a"b"c\n'), 0)
@example((PLAIN, ("g", "m"), b'"1,2"\n3,4\n'), 0)
@example((BANDED, SHAPES[6][1], b"30,male,25,no,1\n30,male,18.5,yes,2\n"), 0)
@example((ONE_COLUMN, ("only",), b"1,2\n3\n"), 0)
@example((ONE_COLUMN, ("only",), b"\n\n1\n\n\n"), 0)
@example((ONE_COLUMN, ("only",), b"\n"), 0)
def test_a_scan_counts_the_rows_that_the_contract_accepts_and_rejects_the_rest(
    case: Case, offset: int
) -> None:
    check(*case, offset)


@many
@given(blocks(), st.integers(1, 40), st.integers(1, 3), st.integers(1, 3))
def test_a_scan_does_not_depend_on_how_it_cuts_a_block(
    case: Case, piece: int, lines: int, at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_module, "_PIECE_BYTES", piece)
        patch.setattr(scan_module, "_PIECE_LINES", lines)
        patch.setattr(scan_module, "_VALIDATED_AT_ONCE", at_once)
        check(*case, 0)


@more
@given(st.data())
def test_the_row_validator_accepts_exactly_the_lines_that_keep_the_contract(
    data: st.DataObject,
) -> None:
    contract, columns = data.draw(st.sampled_from(SHAPES))
    line = data.draw(lines(contract, columns))
    verdict = RowValidator(contract, header_of(columns)).validate(line)
    expected = oracle.row_of(line, columns, contract)
    if isinstance(verdict, Rejection):
        assert expected is None
        assert verdict.rule
        assert line.decode(errors="replace") not in verdict.reason or len(line) < 4
        return
    assert verdict == expected
    text = line.decode(errors="surrogateescape")
    (fields,) = csv.reader([text], strict=True)
    for name, field in zip(columns, fields, strict=True):
        if name is not None and isinstance(verdict[name], str):
            assert verdict[name] == field


@many
@given(blocks(), st.lists(st.integers(0, 8), max_size=4))
@example((NULLABLE, ("g", "m", "i", "d", "s"), b",0,0,,\n\n\n\n\xffa,0,0,,"), [1])
def test_blocks_scanned_separately_give_the_same_as_together(case: Case, cuts: list[int]) -> None:
    contract, columns, block = case
    scanner = Scanner(contract, header_of(columns))
    try:
        whole = together(scanner.scan(block, 0))
    except InputRefusedError:
        return
    starts = [0, *(i + 1 for i, byte in enumerate(block[:-1]) if byte == 10), len(block)]
    chosen = sorted({0, len(block), *(starts[cut] for cut in cuts if cut < len(starts))})
    apart = together(part for a, b in pairwise(chosen) for part in scanner.scan(block[a:b], a))
    assert (apart.rows, apart.rejected) == (whole.rows, whole.rejected)
    cube = merge_cubes([whole.cube])
    assert cube_to_json(apart.cube) == cube_to_json(cube)
    assert cube_from_json(cube_to_json(cube)) == cube


measures = st.one_of(
    st.integers(-(2**53), 2**53),
    st.integers(-5, 5),
    st.sampled_from([2**53, -(2**53), 2**53 - 1]),
    # A mean of 1e9 with a deviation of 1e-3, at 6 decimals.
    st.integers(-3000, 3000).map(lambda value: 10**15 + value),
)
families = st.one_of(
    st.lists(measures, min_size=1, max_size=30),
    st.lists(st.integers(10**15 - 3000, 10**15 + 3000), min_size=1, max_size=40),
    st.lists(st.integers(2**53 - 3, 2**53), min_size=1, max_size=40),
)


def sums_of(values: list[int]) -> Sums:
    return Sums(*oracle.Group(tuple(values)).sums)


@many
@given(
    st.lists(st.tuples(st.integers(0, 3), measures, st.integers(0, 4)), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_merging_any_partition_of_any_rows_equals_computing_at_once(
    rows: list[tuple[int, int, int]], random: object
) -> None:
    contract = contract_of("g: { type: integer }, m: { type: integer }", "g", "m")
    scanner = Scanner(contract, header_of(("g", "m")))

    def scanned(part: list[tuple[int, int, int]]) -> Scanned:
        return together(scanner.scan("".join(f"{g},{m}\n" for g, m, _ in part).encode()))

    parts = [scanned([row for row in rows if row[2] == part]).cube for part in range(5)]
    random.shuffle(parts)  # type: ignore[attr-defined]
    expected = oracle.cube([{"g": g, "m": m} for g, m, _ in rows], contract)
    tree = merge_cubes([merge_cubes(parts[:2]), merge_cubes([merge_cubes(parts[2:4]), parts[4]])])
    for cube in (merge_cubes(parts), tree, scanned(rows).cube):
        assert {n: {k: tuple(v) for k, v in cells.items()} for n, cells in cube.items()} == expected


@many
@given(families, st.integers(0, 9))
@example([1, 2], 6)
@example([1, 1, 1, 2], 6)
@example([5], 7)
@example([15, 15], 7)
@example([-5], 7)
@example([-1, 0], 6)
def test_mean_and_extremes_are_the_exact_ones_rounded_once(
    values: list[int], decimals: int
) -> None:
    sums, exact = sums_of(values), oracle.Group(tuple(values)).mean(decimals)
    shown = statistics.decimal(statistics.mean(sums, decimals))
    assert shown == oracle.rounded(exact)
    off = 2 * abs(Fraction(shown) - exact) * 10**6
    assert off < 1 or (off == 1 and int(Fraction(shown) * 10**6) % 2 == 0)
    for extreme, of in ((sums.minimum, min(values)), (sums.maximum, max(values))):
        assert statistics.measured(extreme, decimals) == oracle.rounded(Fraction(of, 10**decimals))


@many
@given(families, st.integers(0, 9))
@example([0, 1], 0)
@example([10**15, 10**15 + 1], 6)
@example([-(2**53), 2**53], 0)
@example([7, 7, 7], 6)
@example([0, 0, 3], 7)
def test_the_deviation_is_the_exact_one_rounded_once(values: list[int], decimals: int) -> None:
    shown = statistics.sample_deviation(sums_of(values), decimals)
    if len(values) == 1:
        assert shown == ""
        return
    variance = oracle.Group(tuple(values)).variance(decimals)
    low, high = (Fraction(shown) + Fraction(side, 2 * 10**6) for side in (-1, 1))
    assert low < 0 or low**2 <= variance
    assert variance <= high**2
    if variance in {low**2, high**2}:
        assert int(Fraction(shown) * 10**6) % 2 == 0
    assert shown == oracle.root(variance)
    by_library = reference.stdev([Fraction(value, 10**decimals) for value in values])
    assert float(shown) == pytest.approx(float(by_library), rel=1e-9, abs=5.1e-7)


@pytest.mark.parametrize(("spread", "shown"), [(1, "0"), (3, "0.000002"), (5, "0.000002")])
def test_a_deviation_on_a_tie_goes_to_the_even_digit(spread: int, shown: str) -> None:
    # Two values of equal distance from their mean, and a third on it, deviate by that distance.
    assert statistics.sample_deviation(sums_of([0, spread, 2 * spread]), 7) == "0"
    assert statistics.sample_deviation(sums_of([0, 5 * spread, 10 * spread]), 7) == shown


@many
@given(families, st.integers(0, 9))
def test_the_interval_is_students(values: list[int], decimals: int) -> None:
    low, high = statistics.interval(sums_of(values), decimals)
    n = len(values)
    if n == 1:
        assert (low, high) == ("", "")
        return
    group = oracle.Group(tuple(values))
    mean, variance = group.mean(decimals), group.variance(decimals)
    margin = oracle.half_width(n, variance)
    for shown, exact in ((low, mean - Fraction(margin)), (high, mean + Fraction(margin))):
        # Half a unit of the last decimal, and what the critical value may be off by.
        assert abs(Fraction(shown) - exact) <= Fraction(1, 2 * 10**6) + Fraction(margin) / 10**12
    if variance:
        scale_ = sqrt(float(variance) / n)
        expected = stats.t.interval(0.95, n - 1, loc=float(mean), scale=scale_)
        assert (float(low), float(high)) == pytest.approx(expected, rel=1e-9, abs=6e-7)
    else:
        assert low == high == statistics.decimal(mean)


def test_a_tiny_deviation_around_a_huge_mean_survives() -> None:
    values = [10**15 + step for step in (-1000, 0, 1000)] * 100
    sums = sums_of(values)
    assert statistics.decimal(statistics.mean(sums, 6)) == "1000000000"
    assert statistics.sample_deviation(sums, 6) == oracle.root(
        oracle.Group(tuple(values)).variance(6)
    )
    assert Decimal(statistics.sample_deviation(sums, 6)) == Decimal("0.000818")


@many
@given(st.lists(st.integers(2**53 - 2, 2**53), min_size=1, max_size=40), st.booleans())
def test_sums_of_squares_that_would_overflow_are_taken_in_halves(
    values: list[int], quoted: bool
) -> None:
    contract = contract_of("g: { type: integer }, m: { type: integer }", "g", "m")
    text = "".join(f"1,{value}\n" for value in values)
    text = text.replace("1,", '"1",', 1) if quoted else text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_module, "_SQUARES_LIMIT", 3 * 2**106)
        scanned = together(Scanner(contract, header_of(("g", "m"))).scan(text.encode()))
    assert scanned.cube == {("g",): {(1,): sums_of(values)}}


@pytest.mark.parametrize(("many", "one"), [(2**53, -(2**53)), (-(2**53), 1)])
def test_more_squares_than_128_bits_hold_are_summed_exactly(many: int, one: int) -> None:
    rows = 2**21 + 3
    contract = contract_of("g: { type: integer }, m: { type: integer }", "g", "m")
    block = f"7,{many}\n".encode() * (rows - 1) + f"7,{one}\n".encode()
    scanned = together(Scanner(contract, header_of(("g", "m"))).scan(block))
    total, squares = (rows - 1) * many + one, (rows - 1) * many**2 + one**2
    assert squares > 2**127
    sums = Sums(rows, total, squares, min(many, one), max(many, one))
    assert scanned.cube == {("g",): {(7,): sums}}


def test_a_line_that_lacks_its_last_field_is_rejected_though_that_may_be_empty() -> None:
    columns = "g: { type: integer }, m: { type: integer }, t: { type: integer, nullable: true }"
    scanner = Scanner(contract_of(columns, "g", "m"), header_of(("g", "m", "t")))
    scanned = together(scanner.scan(b"7,1,5\n7,2,\n7,3\n"))
    assert [(it.line, it.rejection.rule) for it in scanned.rejected] == [(b"7,3", "fields")]


def test_a_quoted_field_that_is_never_closed_makes_one_record_of_the_rest() -> None:
    lines = Lines.records_of(b'7,1\n"8,2\n9,3\n')
    assert [lines.line(place) for place in range(len(lines))] == [b"7,1", b'"8,2\n9,3']


@many
@given(st.integers(-(10**17), 10**17), st.integers(0, 12), st.integers(0, 9))
def test_a_measure_is_rounded_as_decimal_says(digits: int, places: int, decimals: int) -> None:
    value = Decimal(digits).scaleb(-places)
    exact = Fraction(value) * 10**decimals
    assume(abs(exact) <= 2**53)
    # A tie may go either way, and so may what doubles do not tell from one.
    assume(abs(exact) >= 2**51 or abs(abs(exact) % 1 - Fraction(1, 2)) > abs(exact) / 2**51)
    column = DoubleColumn(type="double", decimals=decimals)
    assert scale(column, f"{value:f}") == round(exact)


class MemoryStore:
    """One object in memory."""

    uri = "memory"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        yield ObjectRef(prefix, "1", len(self.data))

    def read(self, key: str) -> bytes:
        return self.data

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        return self.data[start:end]

    def open(self, ref: ObjectRef) -> BinaryIO:
        return io.BytesIO(self.data)

    def write(self, key: str, data: bytes) -> None:
        raise AssertionError

    def delete(self, key: str) -> None:
        raise AssertionError


texts = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b'"', b"bc,", b"d" * 40]), max_size=40).map(
    b"".join
)


@more
@given(texts, st.integers(0, 12), st.lists(st.integers(0, 500), max_size=12), st.integers(1, 9))
def test_ranges_that_tile_an_object_hold_each_line_once(
    data: bytes, data_start: int, cuts: list[int], step: int
) -> None:
    data_start = min(data_start, len(data))
    ref, store = ObjectRef("key", "1", len(data)), MemoryStore(data)
    edges = sorted({data_start, *(cut for cut in cuts if data_start < cut < len(data))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medical_charges.kernel.blocks._STEP", step)
        found = [
            read_range(store, ref, data_start, low, high)
            for low, high in pairwise([*edges, len(data)])
        ]
    if data_start == len(data):
        found = [read_range(store, ref, data_start, data_start, data_start)]
    assert b"".join(block for _, block in found) == data[data_start:]
    for offset, block in found:
        assert data[offset : offset + len(block)] == block
        assert not block or block.endswith(b"\n") or offset + len(block) == len(data)
        assert not block or offset == data_start or data[offset - 1 : offset] == b"\n"


def csv_records(data: bytes) -> list[list[str]]:
    """The records of a text as Python's csv module cuts it."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@more
@given(texts, st.integers(0, 12), st.integers(1, 60), st.booleans(), st.booleans())
def test_blocks_of_an_object_read_from_start_to_end_hold_each_line_once(
    data: bytes, data_start: int, size: int, zipped: bool, multiline: bool
) -> None:
    data_start = min(data_start, len(data))
    stored = gzip.compress(data) if zipped else data
    ref, store = ObjectRef("key", "1", len(stored)), MemoryStore(stored)
    dialect = Dialect(multiline=multiline)
    found = list(read_sequentially(store, ref, data_start, size, zipped=zipped, dialect=dialect))
    assert b"".join(block for _, block in found) == data[data_start:]
    position = data_start
    for index, (offset, block) in enumerate(found):
        assert offset == position
        position += len(block)
        if index < len(found) - 1:
            assert block.endswith(b"\n")
            assert not multiline or len(csv_records(data[data_start:position])) + len(
                csv_records(data[position:])
            ) == len(csv_records(data[data_start:]))


MULTILINE = parse_contract(
    """
    dataset: made_up
    prefix: MadeUp
    source:
      format: csv
      multiline: true
      columns: { t: { type: string, nullable: true }, m: { type: integer } }
    measure: m
    analyses: { a: { group_by: [m], statistics: [patients] } }
    """
)


def scanned_records(data: bytes, size: int) -> Scanned:
    """Scan an object of records, read in blocks of a size that are cut into smaller pieces."""
    ref, store = ObjectRef("key", "1", len(data)), MemoryStore(data)
    scanner = Scanner(MULTILINE, header_of(("t", "m")))
    found = read_sequentially(store, ref, 0, size, zipped=False, dialect=MULTILINE.source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_module, "_PIECE_BYTES", max(1, size // 2))
        return together(part for offset, block in found for part in scanner.scan(block, offset))


@many
@given(
    st.lists(
        st.tuples(st.text('ab,"\n\r é', max_size=6), st.integers(-99, 99)), min_size=1, max_size=8
    ),
    st.integers(1, 30),
    st.sampled_from(["\n", "\r\n"]),
)
def test_quoted_line_breaks_are_read_as_csv_reads_them(
    rows: list[tuple[str, int]], size: int, end: str
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode()
    scanned = scanned_records(data, size)
    assert scanned.rejected == []
    assert scanned.rows == len(rows)
    assert scanned.cube == oracle.cube([{"m": m} for _, m in rows], MULTILINE)


@more
@given(
    st.lists(st.sampled_from([*'a1,"\n', '""', "\r\n", ",1\n", "5'10\""]), max_size=30).map(
        "".join
    ),
    st.integers(1, 30),
)
@example("a,1\n5'10\",1\nb,1\n5'9\",1\n", 30)
@example('"a\nb"c,1\n"d",1\n', 30)
def test_a_quote_opens_a_field_only_at_its_start(text: str, size: int) -> None:
    scanned = scanned_records(text.encode(), size)
    found = [fields for fields in csv_records(text.encode()) if fields]
    assert scanned.rows == len(found)
    try:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return
    right: list[oracle.Row] = [
        {"m": int(fields[1])} for fields in found if len(fields) == 2 and fields[1].isdigit()
    ]
    assert len(scanned.rejected) == len(found) - len(right)
    assert {k: v for k, v in scanned.cube.items() if v} == (
        oracle.cube(right, MULTILINE) if right else {}
    )
