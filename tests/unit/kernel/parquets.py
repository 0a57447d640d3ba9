"""Parquet files made from a seed, and the CSV of the same rows, written by Python alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy import float32

from medical_charges.contract import Contract, parse_contract

Make = Callable[[Random], Any]

TOWNS = ["St. Ives", "far; west", "Nordé"]
NOTES = ["", "plain", 'said "no"', "a, b", "two\nlines", "\r", " padded ", "NA", "😀", "-9", "nan"]
WORDS = ["", "x", "2.0", "1_0", " 7 ", "+5", "1e2", "9" * 25, "nan", "-0", "7\n", "0x1", "-9"]
DOUBLES = [0.0, -0.0, 0.1, 1e-5, 1e15, 1e16, 1e300, 5e-324, float("nan"), float("inf"), 12.345675]
INTEGERS = [0, -1, 2**31, 2**53 + 1, -(2**63), 2**63 - 1, -9]
DAYS = [date(1, 1, 1), date(999, 12, 31), date(1000, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]


def _rarely(odd: list[Any], usual: Make) -> Make:
    return lambda random: random.choice(odd) if random.random() < 0.06 else usual(random)


def _decimal(digits: int, scale: int) -> Make:
    most = 10 ** min(digits, 20) - 1
    usual = _cents if digits > 9 else lambda random: random.randrange(-5000, 5000)
    units = _rarely([0, -1, most, -most, 2**53 + 1 if most > 2**54 else 1], usual)
    return lambda random: Decimal(units(random)).scaleb(-scale)


def _cents(random: Random) -> int:
    return random.randrange(-(10**9), 10**9)


def _day(random: Random) -> date:
    return date(2024, 1, 1) + timedelta(days=random.randrange(900))


KINDS: Mapping[str, list[tuple[pa.DataType, Make]]] = {
    "town": [
        (pa.string(), _rarely(["", "nowhere", "st. ives"], lambda r: r.choice(TOWNS))),
        (pa.large_string(), lambda r: r.choice(TOWNS)),
        (pa.dictionary(pa.int8(), pa.string()), _rarely(["?"], lambda r: r.choice(TOWNS))),
    ],
    "age": [
        (pa.int64(), _rarely(INTEGERS, lambda r: r.randrange(-1500, 1500))),
        (pa.int8(), lambda r: r.randrange(-128, 128)),
        (pa.uint64(), _rarely([2**64 - 1, 2**63], lambda r: r.randrange(1500))),
        (pa.uint32(), lambda r: r.randrange(1500)),
        (pa.float64(), _rarely(DOUBLES, lambda r: float(r.randrange(-1500, 1500)))),
        (pa.float32(), _rarely([0.5, 3e7], lambda r: float(r.randrange(-1500, 1500)))),
        (pa.decimal128(18, 0), _decimal(18, 0)),
        (pa.decimal128(7, 2), lambda r: Decimal(100 * r.randrange(-900, 900)).scaleb(-2)),
        (pa.string(), _rarely(WORDS, lambda r: str(r.randrange(-1500, 1500)))),
        (pa.duration("s"), lambda r: timedelta(seconds=r.randrange(1500))),
    ],
    "spare": [
        (pa.float64(), _rarely(DOUBLES, lambda r: r.randrange(500_000) / 100)),
        (pa.int16(), lambda r: r.randrange(-99, 5002)),
        (pa.float32(), _rarely(DOUBLES[:6], lambda r: r.randrange(500_000) / 100)),
        (pa.decimal128(9, 2), _decimal(6, 2)),
        (pa.string(), _rarely(WORDS, lambda r: repr(r.randrange(500_000) / 100))),
        (pa.null(), lambda _: None),
    ],
    "seen": [
        (pa.date32(), _rarely(DAYS, _day)),
        (pa.date64(), _rarely(DAYS, _day)),
        (pa.string(), _rarely(["", "2024-02-30", "1.2.2025"], lambda r: f"{_day(r):%d.%m.%Y}")),
        (pa.int64(), _rarely([20240230, 5], lambda r: int(f"{_day(r):%Y%m%d}"))),
    ],
    "left": [
        (pa.date32(), _rarely(DAYS, _day)),
        (pa.string(), _rarely(["", "2024-02-30"], lambda r: f"{_day(r)}")),
        (pa.int64(), lambda r: r.randrange(5)),
        (pa.null(), lambda _: None),
    ],
    "note": [
        (pa.string(), lambda r: r.choice(NOTES)),
        (pa.string_view(), lambda r: r.choice(NOTES)),
        (pa.dictionary(pa.int32(), pa.string()), lambda r: r.choice(NOTES)),
        (pa.int32(), lambda r: r.randrange(-9, 9)),
        (pa.float64(), lambda r: r.choice(DOUBLES)),
        (pa.float32(), lambda r: r.choice(DOUBLES[:6])),
        (pa.decimal128(5, 2), _decimal(5, 2)),
        (pa.date32(), _rarely(DAYS, _day)),
        (pa.null(), lambda _: None),
    ],
    "cost": [
        (pa.float64(), _rarely(DOUBLES, lambda r: _cents(r) / 100)),
        (pa.float64(), _rarely([9e13 + 0.01, -(2.0**52), 0.005, 2.675], lambda r: r.random() * 9)),
        (pa.decimal128(12, 2), _decimal(12, 2)),
        (pa.decimal128(38, 10), _decimal(24, 10)),
        (pa.decimal128(17, 4), _decimal(17, 4)),
        (pa.float32(), _rarely(DOUBLES[:6], lambda r: _cents(r) / 1e6)),
        (pa.int64(), _rarely(INTEGERS, lambda r: r.randrange(10**6))),
        (pa.string(), _rarely(WORDS, lambda r: repr(_cents(r) / 100))),
    ],
}
"""By column, the types that hold it, with what makes a value of each."""

OTHERS: list[pa.Array] = [
    pa.array([[1, 2]]), pa.array([{"town": "x", "b": 1}]), pa.array([b"x"]), pa.array([True]),
    pa.array([None], pa.timestamp("us")), pa.array([1.5], pa.float16()), pa.array([Decimal(1)]),
]  # fmt: skip
"""Columns that no contract reads."""

FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%m/%d/%Y"]


@dataclass(frozen=True)
class Stored:
    """A file of Parquet, the CSV of its rows, and the contracts of both."""

    contract: Contract
    data: bytes
    csv_contract: Contract
    csv: bytes


def contract_of(source: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]) -> Contract:
    """The contract of the files; `columns` are further keys of its columns."""
    known: dict[str, dict[str, Any]] = {
        "town": {"type": "string", "allowed": TOWNS},
        "age": {"type": "integer", "minimum": -2000},
        "spare": {"type": "double", "nullable": True, "maximum": 5000},
        "seen": {"type": "date", "identifying": "made up", "minimum": "2024-01-01"},
        "left": {"type": "date", "nullable": True, "identifying": "made up"},
        "note": {"type": "string", "nullable": True, "identifying": "made up"},
        "cost": {"type": "double", "decimals": 2},
    }
    known["seen"]["maximum"] = "2026-12-31"
    for name, keys in columns.items():
        known[name] |= keys
    contract = {
        "dataset": "made_up",
        "prefix": "MadeUp",
        "source": {**source, "columns": known},
        "bands": {
            "size": {"column": "age", "below": {"a": -150, "b": 0, "c": 100}, "otherwise": "d"},
            "year": {"column": "seen", "by": "year"},
        },
        "measure": "cost",
        "analyses": {
            "a": {"group_by": ["town"], "statistics": ["patients", "mean", "stddev", "median"]},
            "b": {"group_by": ["size"], "statistics": ["patients", "mean", "total"]},
            "c": {"group_by": ["year"], "statistics": ["patients", "mean"]},
        },
        "quality": {"maximum_rejected_share": 1.0},
        "disclosure": {"minimum_cell": 1},
    }
    return parse_contract(json.dumps(contract))


def stored(seed: int) -> Stored:
    """The file of a seed."""
    random = Random(seed)
    source: dict[str, Any] = {"trim": random.random() < 0.3}
    if random.random() < 0.4:
        source["null_values"] = random.choice([["NA"], ["-9", "nan"], ["-9.0", "0.1", "1e-05"]])
    table = _table(random, random.choice([1, 7, 60, 300]))
    seen, form = table.schema.field("seen").type, random.choice(FORMATS)
    if random.random() < 0.9:
        form = {pa.string(): "%d.%m.%Y", pa.int64(): "%Y%m%d"}.get(seen, form)
    columns: dict[str, dict[str, Any]] = {
        "seen": {"format": form},
        "age": {"decimal_zeros": random.random() < 0.9},
    }
    if random.random() < 0.3:
        columns["town"] = {"spellings": {TOWNS[0]: ["", "st. ives"]}}
    return Stored(
        contract_of({"format": "parquet", **source}, columns),
        _written(random, table),
        contract_of({"multiline": True, **source}, columns),
        csv_of(table, columns["seen"]["format"]),
    )


def _table(random: Random, rows: int) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    nulls = random.choice([0, 0, 0.02, 0.3])
    for name, kinds in KINDS.items():
        kind, make = kinds[0] if random.random() < 0.3 else random.choice(kinds)
        values = [None if random.random() < nulls else make(random) for _ in range(rows)]
        columns[name] = pa.array([*values, None], kind)[:rows]
    if random.random() < 0.5:
        names = list(columns)
        random.shuffle(names)
        columns = {name: columns[name] for name in names}
    return pa.table(columns)


def _with_others(random: Random, table: pa.Table) -> pa.Table:
    for number in range(random.randrange(4)):
        other = random.choice(OTHERS)
        values = other.take(pa.array([0] * table.num_rows, pa.int32()))
        place = random.randrange(table.num_columns + 1)
        table = table.add_column(place, f"left out {number}", values)
    return table


def _written(random: Random, table: pa.Table) -> bytes:
    """A file as one of several programs would write it."""
    least = 1 + table.num_rows // 20
    data, group = io.BytesIO(), max(random.choice([1 << 20, 50, 7, 1]), least)
    writer = random.random()
    kinds = [column.type for column in table.itercolumns()]
    plain = not any(it in {pa.duration("s"), pa.null(), pa.date64()} for it in kinds)
    if writer < 0.2 and plain:
        pl.DataFrame(table).write_parquet(data, row_group_size=max(group, 5))
        return data.getvalue()
    if writer < 0.4 and plain and pa.string_view() not in kinds:
        return _by_duckdb(table)
    pq.write_table(
        _with_others(random, table),
        data,
        row_group_size=group,
        use_dictionary=random.random() < 0.6,
        compression=random.choice(["none", "snappy", "zstd", "gzip", "brotli", "lz4"]),
        version=random.choice(["1.0", "2.4", "2.6"]),
        data_page_version=random.choice(["1.0", "2.0"]),
        data_page_size=random.choice([64, 1 << 20]),
        store_schema=random.random() < 0.7,
        store_decimal_as_integer=random.random() < 0.5,
        write_statistics=random.random() < 0.5,
        write_page_index=random.random() < 0.3,
    )
    return data.getvalue()


def _by_duckdb(table: pa.Table) -> bytes:
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = f"{folder}/x.parquet"
        connection.register("made_up", table)
        connection.execute(f"COPY made_up TO '{path}' (FORMAT parquet)")
        return Path(path).read_bytes()


def csv_of(table: pa.Table, day: str) -> bytes:
    """The rows as Python's csv module writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.column_names)
    columns = [
        [_text(value, field.type, day if field.name == "seen" else "%Y-%m-%d") for value in values]
        for field, values in zip(table.schema, table.to_pydict().values(), strict=True)
    ]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _text(value: Any, kind: pa.DataType, day: str) -> str:
    match value:
        case None:
            return ""
        case float() if kind == pa.float32():
            return _shortest(value)
        case float():
            return repr(value)
        case Decimal():
            return f"{value:f}"
        case timedelta():
            return str(value // timedelta(seconds=1))
        case date():
            days = (value - date(1970, 1, 1)).days
            return value.strftime(day) if value.year >= 1000 else f"day {days}"
    return str(value)


def _shortest(value: float) -> str:
    """The shortest text that is a float of 32 bits."""
    if not isfinite(value):
        return repr(value)
    found = (f"{value:.{digits}g}" for digits in range(1, 10))
    return repr(float(next(text for text in found if float32(text) == float32(value))))
