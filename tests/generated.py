"""Data sets for tests, made from a seed: contracts that differ, and objects that fit them.

Nothing here knows the library. Every group that a contract can ask for holds somebody, so that no
grouping column follows from another; a few groups are small, so that figures are suppressed.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Row = list[str]
Visit = tuple[str, float, int, int, str]


@dataclass(frozen=True)
class Dataset:
    """A contract, and the objects of its input by name."""

    contract: bytes
    objects: Mapping[str, bytes]


def visits() -> list[Visit]:
    """4,000 visits to 200 clinics, for data/visits.yaml."""
    return [
        (f"K{i % 200:03d}", round(2 + (i * 37 % 900) / 100, 2), i % 3 % 2, i * i % 97, "")
        for i in range(4000)
    ]


def visits_file(rows: Sequence[Visit]) -> bytes:
    """The visits as a CSV."""
    lines = ["Clinic Code,glucose,insured,minutes,note", *(",".join(map(str, v)) for v in rows)]
    return "\n".join(lines).encode()


STATISTICS = ("patients", "share", "mean", "minimum", "maximum", "stddev", "ci95")

COLUMNS: Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    "Site Code": ({"type": "string"}, ("S1", "S2", "Süd", "Łódź")),
    "arm": ({"type": "string", "allowed": ["yes", "no"]}, ("yes", "no")),
    "ward": ({"type": "string", "allowed": ["north", "south", "far west"]}, ("north", "far west")),
    "flag": ({"type": "integer", "minimum": 0, "maximum": 1}, ("0", "1")),
    "grade": ({"type": "integer", "minimum": 0}, ("1", "2", "3", "5", "+8", "9")),
    "level": ({"type": "double", "minimum": 0}, ("0.5", "2.499", "2.5", "25e-1", " 7.25")),
    "stage": ({"type": "integer", "minimum": -5, "maximum": 60}, ("-3", "19", "20", "40")),
}
"""Columns that can be grouped by, with their values."""

BANDS: Mapping[str, Mapping[str, Any]] = {
    "level_band": {"column": "level", "below": {"low": 1.5, "middle": 2.5}, "otherwise": "high"},
    "stage_band": {"column": "stage", "below": {"early": 19.5, "late": 40}, "otherwise": "last"},
    "grade_band": {"column": "grade", "below": {"one": 2, "few": 5}, "otherwise": "many"},
}

NOTE = {"type": "string", "nullable": True, "identifying": "a few fixed words"}

MEASURES: Sequence[tuple[Mapping[str, Any], int, int]] = (
    ({"type": "double", "decimals": 2, "minimum": 0}, 0, 2),
    ({"type": "integer"}, -400, 0),
    ({"type": "double", "decimals": 6, "minimum": -90_000}, -80_000, 8),
    ({"type": "double", "decimals": 0}, 100, 3),
    ({"type": "double", "decimals": 9}, -3, 9),
)
"""A measure's column, its least value, and how many decimals are written."""

WRONG: Sequence[Callable[[Row], Row]] = (
    lambda row: row[:-1],
    lambda row: [*row, "more"],
    lambda row: ["x" if i == 0 else field for i, field in enumerate(row)],
    lambda row: ["" for _ in row[:-1]] + ["x"],
)
"""Ways in which a row can break a rule. The measure is the first field."""


def dataset(seed: int) -> Dataset:
    """The data set of a seed."""
    random_ = random.Random(seed)
    grouped = random_.sample(sorted(COLUMNS), 3 + seed % 2)
    contract = _contract(seed, random_, grouped)
    header, rows = _rows(seed, random_, grouped)
    count = 1 + seed % 4
    parts = [rows[i::count] for i in range(count)]
    if seed % 2:
        # The first object alone has rows that break rules.
        parts[0] = _with_wrong_rows(random_, parts[0])
    files = {f"part {i}.csv": _file(seed + i, header, part) for i, part in enumerate(parts)}
    if seed % 3 == 1:
        files = {f"{n}.gz": gzip.compress(data, mtime=0) for n, data in files.items()}
    return Dataset(json.dumps(contract, indent=1).encode(), files)


def _contract(seed: int, random_: random.Random, grouped: Sequence[str]) -> dict[str, Any]:
    measure, _, _ = MEASURES[seed % len(MEASURES)]
    bands = {name: band for name, band in BANDS.items() if band["column"] in grouped}
    names = [name for name in grouped if name not in {"level", "stage"}]
    names += [name for name in bands if name != "grade_band"]
    filters = random_.sample(names, min(seed % 4, len(names) - 1))
    columns = {name: dict(COLUMNS[name][0]) for name in grouped}
    columns |= {"cost": dict(measure), "note": dict(NOTE)}
    columns |= {"visits": {"type": "integer", "minimum": 0, "nullable": True}}
    return {
        "dataset": f"generated_{seed:02d}",
        "prefix": f"Generated-{seed:02d}",
        "source": {"format": "csv", "multiline": seed % 10 == 6, "columns": columns},
        "bands": bands,
        "measure": "cost",
        "analyses": _analyses(1 + seed // 5 % 4, random_, names),
        "comparisons": _comparisons(seed, names, bands),
        "quality": {"maximum_rejected_share": 0.25},
        "disclosure": {
            "minimum_cell": (11, 5, 3, 1)[(seed + seed // 4) % 4],
            "extremes": "suppress" if seed // 2 % 4 == 0 else "publish",
            "top_code": {"grade": 8} if "grade" in grouped and seed % 3 else {},
        },
        "dashboard": _dashboard(seed, filters, grouped),
    }


def _analyses(count: int, random_: random.Random, names: Sequence[str]) -> dict[str, Any]:
    return {
        f"cost_{i}": {
            "group_by": random_.sample(names, 1 + (i + random_.randrange(2)) % 2),
            "statistics": random_.sample(STATISTICS, random_.randint(1, len(STATISTICS))),
        }
        for i in range(count)
    }


def _comparisons(seed: int, names: Sequence[str], bands: Mapping[str, Any]) -> dict[str, Any]:
    pairs: Mapping[str, list[str | int]] = {
        "arm": ["yes", "no"],
        "flag": [1, 0],
        "level_band": ["high", "low"],
        "Site Code": ["S2", "S1"],
        "grade": [1, 3],
    }
    found = [name for name in names if name in pairs][: seed % 3]
    return {
        f"gap_{i}": {
            "column": name,
            "groups": pairs[name],
            "within": [other for other in names if other != name][: (seed + i) % 2],
        }
        for i, name in enumerate(found)
    }


def _dashboard(seed: int, filters: Sequence[str], grouped: Sequence[str]) -> dict[str, Any]:
    value: dict[str, Any] = {"title": f"Generated <{seed}> & more", "filters": filters}
    if "grade" in grouped and "grade" not in filters:
        value["filtered_as"] = {"grade": "grade_band"}
    if "arm" in grouped:
        value["labels"] = {"arm": {"yes": "Treated", "no": "Control"}}
        value["names"] = {"arm": "Arm of the study"}
    if "arm" in filters:
        value["shares"] = {"share_of_treated": {"column": "arm", "group": "yes"}}
    return value | ({"unit": "EUR"} if seed % 2 else {})


def _rows(seed: int, random_: random.Random, grouped: Sequence[str]) -> tuple[Row, list[Row]]:
    """A header, and rows in which every combination of the groups' values occurs."""
    values = [COLUMNS[name][1] for name in grouped]
    everything = [list(combination) for combination in product(*values)]
    often = [
        [random_.choices(v, [1 / (i + 1) ** 2 for i in range(len(v))])[0] for v in values]
        for _ in range(200 + 23 * seed)
    ]
    header = ["cost", *grouped, "note", "ignored", "visits"]
    rows = [
        [_measured(seed, random_), *row, random_.choice(_notes(seed)), "i", random_.choice(_VISITS)]
        for row in everything + often
    ]
    random_.shuffle(rows)
    return header, rows


def _measured(seed: int, random_: random.Random) -> str:
    _, least, decimals = MEASURES[seed % len(MEASURES)]
    span = 900 if least > -1000 else 90_000
    units = random_.randrange(span * 10**decimals) + least * 10**decimals
    digits = f"{abs(units):0{decimals + 1}d}"
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    return ("-" if units < 0 else "") + whole + ("." + fraction if decimals else "")


_VISITS = ("", "0", "12", " 3 ")


def _notes(seed: int) -> Sequence[str]:
    if seed % 10 == 6:
        return ("", "two\nlines", "one, two")
    return ("", "one, two", 'said "no"', "naïve") if seed % 3 == 0 else ("", "plain", "ok")


def _with_wrong_rows(random_: random.Random, rows: Sequence[Row]) -> list[Row]:
    return [random_.choice(WRONG)(row) if random_.random() < 0.06 else row for row in rows]


def _file(kind: int, header: Row, rows: Sequence[Row]) -> bytes:
    """A CSV as one of several programs would write it."""
    text = io.StringIO()
    end = "\r\n" if kind % 5 == 2 else "\n"
    writer = csv.writer(
        text,
        lineterminator=end,
        quoting=csv.QUOTE_ALL if kind % 4 == 3 else csv.QUOTE_MINIMAL,
    )
    writer.writerows([header, *rows])
    whole = text.getvalue()
    if kind % 7 == 4:
        whole = whole.replace(end, end * 2)
    return ("\ufeff" if kind % 5 == 4 else "").encode() + whole.rstrip().encode()
