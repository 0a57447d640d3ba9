"""Sixteen unlike files, as a newcomer may have them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from pathlib import Path

Row = Sequence[object]

GIVEN = (
    "Anna Maria Peter Paul James Mary John Linda Robert Susan David Karen Daniel Nancy Mark Laura "
    "Thomas Sarah Steven Julia Eric Emma Oliver Sophie Lucas Clara"
)
SURNAMES = "Smith Jones Meyer Rossi Dupont Novak Larsen Silva Kim Osei Patel Murphy"


def _write(path: Path, header: str, rows: Sequence[Row]) -> Path:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def forty_columns(folder: Path, chance: random.Random) -> Path:
    names = [f"item_{i}" for i in range(38)]
    rows = [
        [
            *(chance.randint(0, 3 + i) for i in range(38)),
            chance.choice("ABC"),
            chance.random() * 900,
        ]
        for _ in range(400)
    ]
    return _write(folder / "forty.csv", ",".join([*names, "arm", "total_cost"]), rows)


def dates(folder: Path, chance: random.Random) -> Path:
    rows = [
        [
            f"20{chance.randint(10, 24)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            chance.choice(["surgery", "medicine", "births"]),
            chance.randint(1, 40),
        ]
        for _ in range(300)
    ]
    return _write(folder / "dates.csv", "admitted,ward,days", rows)


def people(folder: Path, chance: random.Random) -> Path:
    given, surnames = GIVEN.split(), SURNAMES.split()
    rows = [
        [
            f"{chance.choice(given)} {chance.choice(surnames)}",
            f"a{i}@example.org",
            chance.choice(["m", "f"]),
            chance.randint(18, 96),
            round(chance.lognormvariate(7, 1), 2),
        ]
        for i in range(300)
    ]
    return _write(folder / "people.csv", "who,contact,sex,age,bill", rows)


def one_group(folder: Path, chance: random.Random) -> Path:
    rows = [["only", round(chance.gauss(50, 9), 1)] for _ in range(60)]
    return _write(folder / "one-group.csv", "site,weight", rows)


def negatives(folder: Path, chance: random.Random) -> Path:
    rows = [
        [
            chance.choice(["up", "down", "flat"]),
            round(chance.gauss(-3, 40), 3),
            chance.randint(-9, 9),
        ]
        for _ in range(500)
    ]
    return _write(folder / "negatives.csv", "trend,balance,shift", rows)


def booleans(folder: Path, chance: random.Random) -> Path:
    def row() -> Row:
        flags = [chance.choice(["true", "false"]), chance.choice([0, 1]), chance.choice(["Y", "N"])]
        return [
            *flags,
            chance.choice(["0.0", "1.0"]),
            chance.choice(["no", "null"]),
            chance.random(),
        ]

    return _write(folder / "flags.csv", "a,b,y,d,no,score", [row() for _ in range(200)])


def identifiers(folder: Path, chance: random.Random) -> Path:
    rows = [
        [i + 1, 1_000_000_000 + chance.randint(0, 10**9), chance.randint(1, 80), "0" + str(i % 7),
         chance.choice(["a", "b"]), chance.randint(10**6, 10**8)]
        for i in range(400)
    ]  # fmt: skip
    return _write(folder / "ids.csv", ",member,patient_id,clinic,arm,charge_cents", rows)


def missing(folder: Path, chance: random.Random) -> Path:
    def some(value: object, share: float) -> object:
        return "" if chance.random() < share else value

    rows = [
        [
            some(chance.choice(["n", "s"]), 0.004),
            some(chance.choice("xyz"), 0.4),
            some(chance.randint(0, 90), 0.5),
            chance.choice(["NA", "NA", "7"]),
            some(round(chance.random() * 100, 2), 0.005),
            "",
        ]
        for _ in range(1000)
    ]
    return _write(folder / "missing.csv", "area,kind,age,stage,cost,nothing", rows)


def unicode(folder: Path, chance: random.Random) -> Path:
    texts = (("männlich", "weiblich"), ("東", "西"))
    more = ("a: b", "#c", "d'e")

    def row() -> Row:
        words = [*map(chance.choice, texts), chance.randint(20, 70), chance.choice(more)]
        return [*words, round(chance.random() * 1e4, 2)]

    rows = [row() for _ in range(300)]
    path = folder / "Größe & Kosten 2024.csv"
    return _write(path, "Geschlecht,地域,Größe (cm),{x}: y,Kosten €", rows)


def huge_cardinality(folder: Path, chance: random.Random) -> Path:
    rows = [
        [
            f"code-{chance.randint(0, 10**6)}-x",
            chance.choice(["p", "q", "r"]),
            chance.randint(0, 10**5),
        ]
        for _ in range(5000)
    ]
    file = _write(folder / "many.csv", "item,plan,amount", rows)
    packed = folder / "many.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    return packed


def tiny(folder: Path, chance: random.Random) -> Path:
    return _write(folder / "tiny.csv", "grp,val", [["a", 1], ["b", 2], ["a", 2.5]])


def line_breaks(folder: Path, chance: random.Random) -> Path:
    rows = [
        [f'"first\nsecond {i}"', chance.choice(["in", "out"]), chance.randint(1, 500)]
        for i in range(200)
    ]
    return _write(folder / "breaks.csv", "remark,kind,cost", rows)


def european(folder: Path, chance: random.Random) -> Path:
    def amount(value: float) -> str:
        return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")

    rows = [
        [
            chance.choice(["männlich", "weiblich"]),
            chance.randint(18, 89) if i % 9 else "NA",
            chance.choice(["Köln, Süd", "St. Pölten", "Graz"]),
            amount(chance.lognormvariate(7, 1)) if i % 99 else "99.5",
            f"{chance.gauss(25, 4):.1f}".replace(".", ","),
            chance.choice(["0,0", "1,0"]),
        ]
        for i in range(600)
    ]
    path = folder / "europa.csv"
    lines = ["Geschlecht;Alter;Ort;Kosten;BMI;Raucher", *(";".join(map(str, row)) for row in rows)]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return path


def tabs(folder: Path, chance: random.Random) -> Path:
    rows = [
        [
            chance.choice("abc"),
            f"{chance.randint(10**3, 10**6):,}",
            chance.choice(["-", "1", "2", "5"]),
        ]
        for _ in range(300)
    ]
    path = folder / "tabs.csv.gz"
    lines = ["kind\tcost\tvisits", *("\t".join(row) for row in rows)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def quoted_thousands(folder: Path, chance: random.Random) -> Path:
    rows = [[chance.choice("abc"), f'"{chance.random() * 10**5:,.2f}"'] for _ in range(300)]
    return _write(folder / "quoted.csv", "kind,cost", rows)


def worksheet(folder: Path, chance: random.Random) -> Path:
    rows = [
        [
            f"{chance.randint(1, 28):02}.{chance.randint(1, 12):02}.2024",
            chance.choice(["J", "N", "ja", "nein", "1"]),
            chance.choice(["k.A.", *map(str, range(18, 60))]),
            f"{chance.randint(2, 40)} %",
            f"{chance.lognormvariate(8, 1):.2f} €".replace(".", ","),
            chance.choice(["5 g", "5 kg", "none"]),
        ]
        for _ in range(600)
    ]
    path = folder / "klinik.csv"
    lines = ["Tag;Notfall;Alter;Anteil;Kosten;Gewicht", *(";".join(row) for row in rows)]
    path.write_bytes("\r\n".join([*lines, ";" * 5, ";" * 5, ""]).encode("cp1252"))
    return path


FILES: tuple[Callable[[Path, random.Random], Path], ...] = (
    forty_columns, dates, people, one_group, negatives, booleans, identifiers, missing, unicode,
    huge_cardinality, tiny, line_breaks, european, tabs, quoted_thousands, worksheet,
)  # fmt: skip
