"""The golden outputs, made without this project's library: `python glue_jobs/golden/compute.py`.

Every figure is computed from the rows by Python's csv, decimal, fractions and statistics modules,
and the critical values of Student's t by mpmath's incomplete beta function. The rules of the
contracts are written out here again, by hand.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from fractions import Fraction
from itertools import product
from math import floor
from pathlib import Path
from statistics import mean, median_low, variance

from mpmath import betainc, findroot, gamma, mp, mpf, sqrt

HERE = Path(__file__).resolve().parent
BANDS = ["underweight", "normal", "overweight", "obese"]
DECADES = ["under_20", "twenties", "thirties", "forties", "fifties", "sixty_and_over"]
ALLOWED = {
    "sex": {"female", "male"},
    "smoker": {"yes", "no"},
    "region": {"northeast", "northwest", "southeast", "southwest"},
}
LIMITS = {"age": (0, 120), "bmi": (10, 100), "children": (0, 20), "charges": (0, None)}
WHOLE = {"age", "children"}

Row = dict[str, str | int | Decimal]
Outputs = dict[str, list[list[str]]]

mp.dps = 60


def rows() -> list[Row]:
    """Return the accepted rows of the sample."""
    with (HERE / "sample.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = file.read().replace("\r\n", "\n").split("\n")
    names, found = header.split(","), []
    for line in lines:
        if line.count('"') % 2:
            continue
        for fields in csv.reader([line]):
            row = _row(dict(zip(names, fields, strict=True))) if len(fields) == len(names) else None
            if row is not None:
                found.append(row)
    return found


def _row(fields: dict[str, str]) -> Row | None:
    row: Row = {}
    for name, allowed in ALLOWED.items():
        if fields[name] not in allowed:
            return None
        row[name] = fields[name]
    for name, (least, most) in LIMITS.items():
        try:
            value = Decimal(fields[name].strip())
        except InvalidOperation:
            return None
        if not value.is_finite() or value < least or (most is not None and value > most):
            return None
        if name in WHOLE and not fields[name].strip().lstrip("+-").isdigit():
            return None
        row[name] = int(value) if name in WHOLE else value
    row["charges"] = Decimal(row["charges"]).quantize(Decimal("1e-6"), ROUND_HALF_EVEN)
    edges = zip(BANDS, (Decimal("18.5"), Decimal(25), Decimal(30)), strict=False)
    row["bmi_category"] = next((b for b, edge in edges if Decimal(row["bmi"]) < edge), BANDS[-1])
    row["age_decade"] = DECADES[min(max(int(row["age"]) // 10 - 1, 0), 5)]
    return row


def exceeded(t: mpf, freedom: mpf) -> mpf:
    """Return the probability that Student's t is further from zero, on either side."""
    return betainc(freedom / 2, mpf("0.5"), 0, freedom / (freedom + t * t), regularized=True)


def critical(freedom: mpf) -> mpf:
    """Return the value that Student's t exceeds with a probability of 5 %, on either side."""
    return findroot(
        lambda t: exceeded(t, freedom) - mpf("0.05"), (mpf("1.5"), mpf(20)), solver="anderson"
    )


def plain(value: Fraction | mpf) -> str:
    """Return a number rounded half to even to six decimals, without trailing zeros."""
    with localcontext(prec=60):
        if isinstance(value, Fraction):
            number = Decimal(value.numerator) / Decimal(value.denominator)
        else:
            number = Decimal(str(value))
        text = f"{number.quantize(Decimal('1e-6'), ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mpf(value: Fraction) -> mpf:
    return mpf(value.numerator) / mpf(value.denominator)


class Group:
    """The charges of one group."""

    def __init__(
        self, charges: Iterable[object], whole: int, *, extremes: bool, least: int
    ) -> None:
        self.charges = [Fraction(str(charge)) for charge in charges]
        self.whole = whole
        self.extremes = extremes
        self.least = least

    def patients(self) -> list[str]:
        """Return the number of people."""
        return [str(len(self.charges))]

    def share(self) -> list[str]:
        """Return the group's share of the whole."""
        return [plain(Fraction(len(self.charges), self.whole))]

    def mean(self) -> list[str]:
        """Return the mean of the charges."""
        return [plain(mean(self.charges))]

    def total(self) -> list[str]:
        """Return the sum of the charges."""
        return [plain(sum(self.charges, Fraction(0)))]

    def extreme(self, pick: Callable[[list[Fraction]], Fraction]) -> list[str]:
        """Return the least or the greatest charge."""
        return [plain(pick(self.charges)) if self.extremes else ""]

    def stddev(self) -> list[str]:
        """Return the sample standard deviation."""
        if len(self.charges) < 2:
            return [""]
        return [plain(sqrt(_mpf(variance(self.charges))))]

    def standard_error(self) -> list[str]:
        """The standard error of the mean."""
        if len(self.charges) < 2:
            return [""]
        return [plain(sqrt(_mpf(variance(self.charges)) / len(self.charges)))]

    def ci95(self) -> list[str]:
        """Return Student's confidence interval of the mean."""
        n = len(self.charges)
        if n < 2:
            return ["", ""]
        margin = critical(mpf(n - 1)) * sqrt(_mpf(variance(self.charges)) / n)
        center = _mpf(mean(self.charges))
        return [plain(center - margin), plain(center + margin)]

    def median(self) -> list[str]:
        """Return the lower median, rounded, if enough people are on either side."""
        median = median_low(self.charges)
        place = (len(self.charges) - 1) // 2
        return [plain(_rounded(median)) if place >= self.least else ""]


def _rounded(charge: Fraction) -> Fraction:
    """Return a charge to three digits: the third even from 200 on, and 0 or 5 from 500 on."""
    power = Fraction(1, 10**6)
    while charge >= 1000 * power:
        power *= 10
    by = next(step for end, step in ((200, 1), (500, 2), (1000, 5)) if charge < end * power)
    return floor(charge / power / by + Fraction(1, 2)) * power * by


ANALYSES: dict[str, tuple[list[str], list[str], Callable[[Group], list[str]]]] = {
    "charges_by_region": (
        ["region"],
        [
            "patients", "mean_charges", "minimum_charges", "maximum_charges", "stddev_charges",
            "ci95_low", "ci95_high", "median_charges",
        ],
        lambda g: [
            *g.patients(), *g.mean(), *g.extreme(min), *g.extreme(max), *g.stddev(), *g.ci95(),
            *g.median(),
        ],
    ),
    "charges_by_bmi_category": (
        ["bmi_category"],
        [
            "patients", "share", "mean_charges", "total_charges", "stddev_charges",
            "median_charges",
        ],
        lambda g: [
            *g.patients(), *g.share(), *g.mean(), *g.total(), *g.stddev(), *g.median(),
        ],
    ),
    "charges_by_age": (
        ["age"],
        [
            "patients", "mean_charges", "standard_error_charges", "ci95_low", "ci95_high",
            "median_charges",
        ],
        lambda g: [*g.patients(), *g.mean(), *g.standard_error(), *g.ci95(), *g.median()],
    ),
    "smokers_by_region": (
        ["region", "smoker"],
        ["patients", "share"],
        lambda g: [*g.patients(), *g.share()],
    ),
    "charges_by_sex_and_smoker": (
        ["sex", "smoker"],
        ["patients", "mean_charges", "stddev_charges", "ci95_low", "ci95_high", "median_charges"],
        lambda g: [*g.patients(), *g.mean(), *g.stddev(), *g.ci95(), *g.median()],
    ),
}  # fmt: skip


# Groups that are large enough and would disclose a small one, as was found by hand: in each
# table everybody adds up to 81, in each region the smokers' table to the region's people, which
# a share discloses. Each is the smallest that is left to hide a single small group.
PROTECTING: dict[str, set[tuple[object, ...]]] = {
    "charges_by_region": {("northwest",)},
    "charges_by_bmi_category": {("normal",)},
    "smokers_by_region": {("northeast", "no"), ("northwest", "no"), ("southeast", "no")},
    "charges_by_sex_and_smoker": {("female", "yes")},
}


def outputs(*, least: int, top_age: int, extremes: bool) -> Outputs:
    """Return all outputs, without figures of groups that are small or disclose a small one."""
    found: Outputs = {}
    for name, (columns, figures, compute) in ANALYSES.items():
        groups = defaultdict(list)
        for row in rows():
            row["age"] = min(int(row["age"]), top_age)
            groups[tuple(row[column] for column in columns)].append(row["charges"])
        table = [columns + figures]
        for key in sorted(groups, key=lambda key: [_order(value) for value in key]):
            whole = sum(len(other) for k, other in groups.items() if k[:-1] == key[:-1])
            shown = [""] * len(figures)
            protecting = least > 1 and tuple(key) in PROTECTING.get(name, set())
            if len(groups[key]) >= least and not protecting:
                shown = compute(Group(groups[key], whole, extremes=extremes, least=least))
            table.append([str(value) for value in key] + shown)
        found[name] = table
    return found


FILTERS = ["region", "sex", "smoker"]
CUBES: dict[str, list[str]] = {
    "cube_region_sex_smoker": [],
    "cube_region_sex_smoker_bmi_category": ["bmi_category"],
    "cube_region_sex_smoker_age_decade": ["age_decade"],
}


def cubes() -> Outputs:
    """Return the filter cubes: each row is counted under its filters' values and under `all`."""
    found: Outputs = {}
    for name, others in CUBES.items():
        groups = defaultdict(list)
        for row in rows():
            for values in product(*((row[column], "all") for column in FILTERS)):
                key = (*values, *(row[column] for column in others))
                groups[key].append(Fraction(str(row["charges"])))
        table = [[*FILTERS, *others, "patients", "sum_charges", "m2_charges"]]
        for key in sorted(groups, key=lambda key: [_order(value) for value in key]):
            charges = groups[key]
            spread = sum((charge - mean(charges)) ** 2 for charge in charges)
            table.append(
                [*map(str, key), str(len(charges)), plain(sum(charges)), plain(Fraction(spread))]
            )
        found[name] = table
    return found


# Which column is compared, its two groups, and within what, one after the other, or over what.
COMPARISONS: dict[str, tuple[str, tuple[str, str], str | None, str | None]] = {
    "sexes_by_smoking": ("sex", ("male", "female"), "smoker", None),
    "smokers": ("smoker", ("yes", "no"), None, None),
    "smokers_by_region": ("smoker", ("yes", "no"), "region", None),
    "regions_alike": ("region", ("southeast", "northeast"), None, "smoker"),
    "regions_alike_by_sex": ("region", ("southeast", "northwest"), "sex", "smoker"),
    "sexes_by_weight_alike": ("sex", ("male", "female"), None, "bmi_category"),
    "regions_unlike": ("region", ("southeast", "southwest"), None, "smoker"),
}
COMPARED = [
    "comparison", "stratum", "group_a", "group_b", "n_a", "n_b", "difference", "ci95_low",
    "ci95_high", "t", "df", "p", "hedges_g",
]  # fmt: skip


def comparisons() -> Outputs:
    """Return Welch's test of every two groups, on the charges themselves."""
    table = [COMPARED]
    for name, (column, pair, within, over) in COMPARISONS.items():
        strata = sorted({str(row[within]) for row in rows()}) if within else ["all"]
        for stratum in strata:
            inside = [row for row in rows() if within is None or row[within] == stratum]
            a, b = ([row for row in inside if row[column] == group] for group in pair)
            where = f"{within}={stratum}" if within else stratum
            where += f"; standardized over {over}" if over else ""
            test = standardized(a, b, over) if over else welch(charges(a), charges(b))
            table.append([name, where, *pair, str(len(a)), str(len(b)), *test])
    return {"comparisons": table}


def charges(of: list[Row]) -> list[Fraction]:
    """Return the charges of rows, exactly."""
    return [Fraction(str(row["charges"])) for row in of]


def welch(a: list[Fraction], b: list[Fraction]) -> list[str]:
    """Return Welch's test and Hedges' g."""
    if not a or not b:
        return [""] * 7
    gap = mean(a) - mean(b)
    if len(a) < 2 or len(b) < 2 or not variance(a) + variance(b):
        return [plain(gap)] + [""] * 6
    errors = [(variance(group) / len(group), len(group) - 1) for group in (a, b)]
    return tested(gap, errors, a, b)


def standardized(a: list[Row], b: list[Row], over: str) -> list[str]:
    """Return the test of two groups whose rows weigh so that they lie in `over` as all rows do.

    A row's weight makes its layer in its group as large as among all rows. The mean of the weighted
    charges is the standardized mean, and its error is that of independent rows.
    """
    found = Counter(row[over] for row in rows())
    gap, errors, single = Fraction(0), [], False
    for sign, group in ((1, a), (-1, b)):
        for layer, everybody in found.items():
            own = charges([row for row in group if row[over] == layer])
            if not own:
                return [""] * 7
            weight = Fraction(everybody, len(rows()) * len(own))
            gap += sign * weight * sum(own)
            single |= len(own) == 1
            if not single:
                errors.append((weight**2 * len(own) * variance(own), len(own) - 1))
    if single:
        return [plain(gap)] + [""] * 6
    return tested(gap, errors, charges(a), charges(b))


def tested(
    gap: Fraction, errors: list[tuple[Fraction, int]], a: list[Fraction], b: list[Fraction]
) -> list[str]:
    """Return a difference with its test and Hedges' g, in deviations of the two groups.

    Args:
        gap: the difference.
        errors: the squared errors that it is made of, each with its degrees of freedom.
        a: the charges of the one group.
        b: those of the other.
    """
    of_all, m = sum((error for error, _ in errors), Fraction(0)), len(a) + len(b) - 2
    squares = sum(((x - mean(group)) ** 2 for group in (a, b) for x in group), Fraction(0))
    of_freedom = sum((error**2 / own for error, own in errors), Fraction(0))
    error, freedom = sqrt(_mpf(of_all)), _mpf(of_all**2 / of_freedom)
    t, margin = _mpf(gap) / error, critical(freedom) * error
    unbiased = gamma(mpf(m) / 2) / (sqrt(mpf(m) / 2) * gamma(mpf(m - 1) / 2))
    g = _mpf(gap) / sqrt(_mpf(Fraction(squares) / m)) * unbiased
    ends = [plain(_mpf(gap) - margin), plain(_mpf(gap) + margin)]
    p = f"{float(exceeded(t, freedom)):.6g}"
    return [plain(gap), *ends, plain(t), plain(freedom), p, plain(g)]


def _order(value: object) -> tuple[bool, object]:
    for labels in (BANDS, DECADES):
        if value in labels:
            return True, labels.index(str(value))
    return value != "all", value


EUROPEAN_HEADER = "Alter;Geschlecht;BMI;Kinder;Raucher;Region;Kosten, gesamt;Besuche"
SPELLED = {"yes": ("yes", "ja", "1"), "no": ("no", "nein", "0")}
WRONG = (
    "31;female;27.5;0;no;northeast;1.000,5;1",
    "31;female;27,5;0;no;northeast;1.00,5;1",
    "31;female;27,5;0;no;northeast;1,000.5;1",
    "31;female;27,5;0;no;northeast;k. A.;1",
    "31;female;27,5;0;no;northeast;5 $;1",
    "NA;female;27,5;0;no;northeast;5;1",
    "31;f\u00e9male;27,5;0;no;northeast;5;1",
    "31,5;female;27,5;0;no;northeast;5;1",
    "31;female;27,5;0;Nein;northeast;5;1",
)
"""Rows that break rules in the European dialect alone."""


def european() -> bytes:
    """Return the accepted rows of the sample as a European worksheet has them."""
    found = ["Auszug; f\u00fcr Tests", "", "# Stand: heute", EUROPEAN_HEADER]
    for place, row in enumerate(rows()):
        charges = f"{row['charges']:,f}".translate(str.maketrans(",.", ".,"))
        bmi = str(row["bmi"]).replace(".", ",")
        fields = [
            f"{row['age']},0" if place % 3 else str(row["age"]),
            f" {row['sex']}",
            f"{bmi} kg/m\u00b2" if place % 2 else bmi,
            str(row["children"]),
            f'"{row["smoker"]}"' if place % 5 == 0 else SPELLED[str(row["smoker"])][place % 3],
            str(row["region"]),
            (f"{charges} \u20ac", f"\u20ac {charges}", charges)[place % 3],
            ("NA", "", "3", "k. A.")[place % 4],
        ]
        found.append(";".join(fields))
    return "\r\n".join([*found, *WRONG, "# Stand: heute", ";" * 7, ";" * 7, ""]).encode("cp1252")


CASES = {
    "european": {"least": 1, "top_age": 120, "extremes": True},
    "open": {"least": 1, "top_age": 120, "extremes": True},
    "guarded": {"least": 11, "top_age": 90, "extremes": False},
}


def main() -> None:
    """Write every case's outputs, and the sample in a European dialect."""
    (HERE / "european" / "sample.csv").write_bytes(european())
    for case, settings in CASES.items():
        tables = outputs(**settings)  # type: ignore[arg-type]
        for name, table in (tables | (cubes() | comparisons() if case == "open" else {})).items():
            text = "".join(",".join(row) + "\n" for row in table)
            (HERE / case / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    sys.stdout.write(f"{len(rows())} rows of the sample keep every rule\n")


if __name__ == "__main__":
    main()
