"""Files in any dialect, made from a seed, and their plain twins by Python's csv module."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from medical_charges.contract import Contract, parse_contract

ENCODINGS = {
    "utf-8": "é", "cp1252": "é", "latin-1": "é", "iso-8859-15": "€", "cp1250": "ł",
    "iso-8859-2": "ł", "cp1251": "ж", "cp1253": "λ", "cp1254": "ş", "cp1257": "ģ", "cp437": "é",
    "cp850": "é", "mac-roman": "é",
}  # fmt: skip
"""Each encoding with a letter that it has."""

UNDEFINED = {"cp1252": "\udc81", "cp1253": "\udcd2\udc88", "cp1254": "\udc8d", "cp1257": "\udc81"}
"""Bytes that an encoding does not know, as Python reads them."""

THOUSANDS = [".", ",", " ", "'", "_", "\u00a0", "\u2009", "\u202f", "\u2019", None, None, None]
NULLS = [[], [], ["NA"], ["-", "n.a."], ["-9", "999,9", "NULL"]]
HEADER = ["town", "age", "spare", "note", "cost", "left out"]

SPACES = " \t\u00a0\u202f"


@dataclass(frozen=True)
class Written:
    """A file in a dialect, its plain twin, and the contracts of both."""

    contract: Contract
    data: bytes
    plain_contract: Contract
    plain: bytes


Keys = Mapping[str, Mapping[str, Any]]


def contract_of(source: Mapping[str, Any], letter: str, keys: Keys | None = None) -> Contract:
    """The contract of the files, in a dialect; `keys` are further ones of the columns."""
    columns: dict[str, dict[str, Any]] = {
        "town": {"type": "string", "allowed": ["St. Ives", "far; west", f"Nord{letter}"]},
        "age": {"type": "integer", "minimum": -2000},
        "spare": {"type": "double", "nullable": True, "maximum": 5000},
        "note": {"type": "string", "nullable": True, "identifying": "made up"},
        "cost": {"type": "double", "decimals": 2},
    }
    for name, more in (keys or {}).items():
        columns[name] |= more
    contract = {
        "dataset": "made_up",
        "prefix": "MadeUp",
        "source": {"format": "csv", **source, "columns": columns},
        "bands": {
            "size": {"column": "age", "below": {"a": -150, "b": 0, "c": 100}, "otherwise": "d"}
        },
        "measure": "cost",
        "analyses": {
            "a": {"group_by": ["town"], "statistics": ["patients", "mean", "stddev"]},
            "b": {"group_by": ["size"], "statistics": ["patients", "mean"]},
        },
        "quality": {"maximum_rejected_share": 1.0},
        "disclosure": {"minimum_cell": 1},
    }
    return parse_contract(json.dumps(contract))


def dialect_of(random: Random) -> dict[str, Any]:
    """The keys of a dialect."""
    encoding = random.choice([*ENCODINGS])
    decimal = random.choice(".,")
    free = [sign for sign in ",;\t\t|  ^~:/_\x01\x0b\x1c" if sign != decimal]
    delimiter = random.choice(free)
    quote = random.choice([sign for sign in '""""\'`\t' if sign != delimiter])
    unusable = {decimal, quote}
    thousands = random.choice([sign for sign in THOUSANDS if sign not in unusable])
    try:
        (thousands or "").encode(encoding)
    except UnicodeEncodeError:
        thousands = None
    dialect = {
        "delimiter": delimiter,
        "quote": quote,
        "decimal": decimal,
        "thousands": thousands,
        "encoding": encoding,
        "null_values": random.choice(NULLS),
        "trim": random.random() < 0.3,
        "comment": random.choice(["#", "%", None, None]),
        "skip_lines": random.choice([0, 0, 1, 3]),
        "skip_blank_rows": random.random() < 0.3,
    }
    dialect["multiline"] = dialect["comment"] is None and random.random() < 0.25
    return dialect


def keys_of(random: Random, dialect: dict[str, Any]) -> Keys:
    """Further keys of columns, mostly few."""
    letter = ENCODINGS[dialect["encoding"]]
    spelled = {"St. Ives": ["1", "ST IVES"], f"Nord{letter}": f"N; {letter}, no"}
    towns: list[dict[str, Any] | None] = [
        {"allowed": None, "identifying": "made up"},
        {"spellings": spelled},
        {"spellings": {**spelled, "far; west": ["", "W"]}},
        None,
        None,
    ]
    chosen = random.choice(towns)
    town: Keys = {"town": chosen} if chosen else {}
    if random.random() < 0.5:
        return town
    unit = random.choice(["$", "%", "kg", "EUR"])
    return {
        **town,
        "age": {"decimal_zeros": True, "unit": "y"},
        "cost": {"name": [f"Cost; {letter}", "COST"], "unit": unit},
    }


def written(seed: int) -> Written:
    """The file of a seed."""
    random = Random(seed)
    dialect = dialect_of(random)
    letter = ENCODINGS[dialect["encoding"]]
    keys = keys_of(random, dialect)
    rows = [_row(random, dialect, letter, keys) for _ in range(random.choice([1, 5, 60]))]
    rows.append([f"Nord{letter}", "5", "", "", _number(1234.5, dialect), ""])
    data = _data(random, dialect, [[*map(str, HEADER)], *rows], keys)
    return Written(
        contract_of(dialect, letter, keys),
        data.encode(dialect["encoding"], "surrogateescape"),
        contract_of({"multiline": True}, letter, {"town": _plain_keys(keys.get("town", {}))}),
        as_plain(data, dialect, keys).encode(errors="surrogatepass"),
    )


def _plain_keys(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key != "spellings"}


def _meanings(keys: Mapping[str, Any]) -> dict[str, str]:
    """The values that further texts of a column stand for."""
    pairs = keys.get("spellings", {}).items()
    return {
        it: value for value, said in pairs for it in ([said] if isinstance(said, str) else said)
    }


def _row(random: Random, dialect: dict[str, Any], letter: str, keys: Keys) -> list[str]:
    null = random.choice(dialect["null_values"] or [""])
    towns = ["St. Ives", "far; west", f"Nord{letter}"]
    towns += _meanings(keys.get("town", {}))
    if "allowed" in keys.get("town", {}):
        towns += ["'t Zand", "New York", "A:B", "Paris"]
    notes = ["plain", letter, 'said "no"', "it's", "a, b; c. d|e", "", null, "1.5", "1,5"]
    odd = random.random() < 0.1
    spares = [_number(random.randrange(400_000) / 100, dialect), "", null]
    costs = [null, "1.5", "1,5", "1.234", "1,234,5", "1 2", "nan", "x", "-", "1;5", "5.000,00"]
    row = [
        random.choice(["nowhere", "", towns[0].lower()]) if odd else random.choice(towns),
        random.choice(["x", "2.0", "1.2.3", null])
        if random.random() < 0.05
        else _number(random.randrange(-1500, 1500), dialect),
        random.choice(["5001", "?"]) if random.random() < 0.05 else random.choice(spares),
        random.choice([*notes, "two\nlines"] if dialect["multiline"] else notes),
        random.choice(costs)
        if random.random() < 0.1
        else _number(random.randrange(-(10**9), 10**9) / 100, dialect),
        "x",
    ]
    if "cost" in keys:
        row = _with_units(random, dialect, row, keys)
    if random.random() < 0.15:
        row = _with_foreign_sign(random, dialect, row)
    if dialect["trim"]:
        row = [random.choice(["", " ", "\t "]) + field + random.choice(["", " "]) for field in row]
    return row[: random.randrange(6)] or ["?"] if random.random() < 0.02 else row


def _with_foreign_sign(random: Random, dialect: dict[str, Any], row: list[str]) -> list[str]:
    """Put what is no part of a field before or behind one."""
    place = random.randrange(5)
    # A file whose groups need quotes in a CSV is refused.
    signs = [*". ;'|_", *([] if place == 0 else ',"\t\x0b\x1c\x1d\x1f')]
    sign = random.choice([*signs, UNDEFINED.get(dialect["encoding"], ".")])
    field = row[place]
    field = random.choice([sign + field, field + sign, f" {sign}{field}", f"{field}{sign} "])
    return [*row[:place], field, *row[place + 1 :]]


def _number(value: float, dialect: dict[str, Any]) -> str:
    whole, point, fraction = f"{value:,}".partition(".")
    return (
        whole.replace(",", dialect["thousands"] or "")
        + point.replace(".", dialect["decimal"])
        + fraction
    )


def _data(random: Random, dialect: dict[str, Any], rows: list[list[str]], keys: Keys) -> str:
    text, end = io.StringIO(), random.choice(["\n", "\r\n"])
    writer = csv.writer(
        text,
        delimiter=dialect["delimiter"],
        quotechar=dialect["quote"],
        quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        lineterminator=end,
    )
    text.write(f"A title; not a, header{end}" * dialect["skip_lines"])
    comment = f"{dialect['comment']} {dialect['quote']} a comment, of no use{end}"
    header, *others = rows
    if "cost" in keys:
        header[4] = random.choice(keys["cost"]["name"])
    for row in [header, *others]:
        if dialect["comment"] and random.random() < 0.1:
            text.write(comment)
        if not dialect["comment"] or not row[0].startswith(dialect["comment"]):
            writer.writerow(row)
        if dialect["skip_blank_rows"] and random.random() < 0.1:
            text.write(dialect["delimiter"] * random.choice([2, 5]) + end)
    marked = dialect["encoding"] == "utf-8" and random.random() < 0.2
    return "\ufeff" * marked + text.getvalue()


def _with_units(random: Random, dialect: dict[str, Any], row: list[str], keys: Keys) -> list[str]:
    for place, name in ((1, "age"), (4, "cost")):
        if random.random() < 0.5:
            field, unit = row[place], keys[name]["unit"]
            if name == "age" and random.random() < 0.5:
                field += dialect["decimal"] + random.choice(["0", "00", "", "5"])
            ways = [f"{unit}{field}", f"{field}{unit}", f"{field} {unit}", f"{unit}{field}{unit}"]
            if field.startswith("-"):
                ways.append(f"-{unit} {field[1:]}")
            row[place] = random.choice([field, *ways])
    return row


def as_plain(data: str, dialect: dict[str, Any], keys: Keys) -> str:
    """What Python's csv module reads, written as the plain dialect has it."""
    lines = [*io.StringIO(data.removeprefix("\ufeff"), newline="\n")][dialect["skip_lines"] :]
    if comment := dialect["comment"]:
        lines = [line for line in lines if not line.startswith(comment)]
    reader = csv.reader(
        io.StringIO("".join(lines), newline=""),
        delimiter=dialect["delimiter"],
        quotechar=dialect["quote"],
    )
    # A line of two quotes is not blank.
    header, *rows = (
        row for row in reader if any(row) or row == [""] or not dialect["skip_blank_rows"]
    )
    header = HEADER if "cost" in keys else header
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [
            header,
            *([_plain(at, field, dialect, keys) for at, field in enumerate(row)] for row in rows),
        ]
    )
    return text.getvalue()


def _plain(place: int, field: str, dialect: dict[str, Any], keys: Keys) -> str:
    field = field.strip(" \t") if dialect["trim"] else field
    field = "" if field in dialect["null_values"] else field
    more = keys.get(HEADER[place], {}) if place < len(HEADER) else {}
    if place not in {1, 2, 4}:
        return _meanings(more).get(field, field)
    if not field:
        return ""
    if unit := more.get("unit"):
        field = _unitless(field.strip(SPACES), unit)
    # Spaces around a number are no fault; spaces alone are no number.
    whole, decimal, fraction = (field.strip(" \t") or field).partition(dialect["decimal"])
    parts = whole.split(dialect["thousands"]) if dialect["thousands"] else [whole]
    others = [len(part) for part in parts[1:]]
    if others and (set(others) != {3} or not 1 <= len(parts[0].lstrip("+-")) <= 3):
        return "no number"
    if "." in whole + fraction and "." not in {decimal, dialect["thousands"]}:
        return "no number"
    if more.get("decimal_zeros") and set(fraction) <= {"0"}:
        return "".join(parts) or ("no number" if decimal else "")
    return "".join(parts) + ("." if decimal else "") + fraction


def _unitless(field: str, unit: str) -> str:
    if field.endswith(unit):
        return field[: -len(unit)].strip(SPACES) or "no number"
    for sign in ("", "-"):
        if field.startswith(sign + unit):
            return sign + field.removeprefix(sign + unit).strip(SPACES) or "no number"
    return field
