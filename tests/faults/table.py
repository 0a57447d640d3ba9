"""The table of faults, and the check that must name each.

A fault in the code stays during the validation, so that shared code would hide it. A staged file is
damaged before the run records its hash, unless the row says otherwise, so that each check has to
find the damage by itself.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from medical_charges.aggregates.cube import Sums
from medical_charges.aggregates.partial import identity_of
from medical_charges.analysis.run import _combined, _merge
from medical_charges.contract import Contract
from medical_charges.kernel.blocks import read_range
from medical_charges.kernel.columns import between
from medical_charges.kernel.row_validator import RowValidator
from medical_charges.kernel.scan import Scanner
from medical_charges.kernel.work import Worker
from medical_charges.outputs.statistics import (
    _plain,
    critical,
    decimal,
    interval,
    sample_variance,
    share,
    squares,
    standard_error,
)
from medical_charges.outputs.tables import (
    Table,
    _analysis,
    _choose,
    _filter_cube,
    _Groups,
    _table,
    _top_coded,
)
from medical_charges.outputs.welch import Pair, difference, welch
from medical_charges.runs.manifests import manifest
from tests.faults import inputs
from tests.faults.pipeline import (
    ANALYSIS,
    GOLDEN_SAMPLE,
    MANIFESTS,
    PUBLICATION,
    Damage,
    Run,
    Where,
)
from tests.mutation import Change, dropped, mutated, preceded, replaced, swapped


@dataclass(frozen=True)
class Fault:
    """A fault, and the checks that must fail."""

    name: str
    where: Where | None
    """The state after which data are damaged, or None for a fault in the code."""
    inject: Callable[..., Any]
    """Gives the mistake's context; or does the damage."""
    checks: tuple[str, ...]
    """All of them must fail. Others may too."""
    says: str = ""
    """Text of the finding, where the check's name is not specific enough."""
    guarded: bool = False
    """True if the input has suppressed small groups."""

    @property
    def contract(self) -> Contract:
        """The contract of the run."""
        return inputs.guarded() if self.guarded else inputs.opened()

    @property
    def files(self) -> Mapping[str, bytes]:
        """The input of the run."""
        return inputs.with_small_groups() if self.guarded else inputs.small()


# --- the code


def code(name: str, target: object, change: Change, *checks: str, **options: Any) -> Fault:
    """A mistake in a function of the library."""
    return Fault(name, None, partial(mutated, target, change), checks, **options)


ROWS = "objects: rows counted and quarantined"
PARTIALS = "objects: partials come out of their rows"
PARTIAL_THERE = "objects: every partial is there"
MERGED = "merge: the state is the sum of the partials"
ADDS_UP = "merge: the summary adds up"
THIS_RUN = "freshness: made by this run"
SNAPSHOT = "freshness: the state is the snapshot's"
SMALL_SHOWN = "disclosure: no small group is shown"
ACCOUNTED = "disclosure: what is withheld is accounted for"
NEEDLESS = "disclosure: nothing is withheld without need"
CONFINED = "disclosure: no suppressed count follows from others"
REGION, BMI, AGE = "charges_by_region", "charges_by_bmi_category", "charges_by_age"
SMOKERS, SEXES, CUBE = "smokers_by_region", "charges_by_sex_and_smoker", "cube_region_sex_smoker"

READING = (
    code("a band's edge belongs to the band below it", Scanner._banded,
         replaced("_ < edge", "_ <= edge"), GOLDEN_SAMPLE, PARTIALS),
    code("bands are labeled from high to low", Scanner._labeled,
         replaced("labels[position]", "labels[-1 - position]"), GOLDEN_SAMPLE, PARTIALS),
    code("a rule is not applied", between,
         replaced("_.is_between(low, high)", "_.is_between(low, high if high > 1e6 else 2 * high)"),
         GOLDEN_SAMPLE, ROWS, PARTIALS),
    code("a row that must be validated by itself is validated mildly", RowValidator._value,
         replaced("value > column.maximum", "value > 2 * column.maximum"),
         GOLDEN_SAMPLE, ROWS, PARTIALS),
    code("cents for dollars", Scanner._scaled,
         replaced("10.0 ** _", "100 * 10.0 ** _"), GOLDEN_SAMPLE, PARTIALS),
    code("the measure is rounded to whole units", Scanner._rounded,
         replaced('_.round(0, mode="half_to_even")', "(_ / 1e6).round(0) * 1e6"),
         GOLDEN_SAMPLE, PARTIALS),
    code("the measure is cut off instead of rounded", Scanner._rounded,
         replaced('_.round(0, mode="half_to_even")', "_.floor()"), GOLDEN_SAMPLE, PARTIALS),
    code("the square of the sum for the sum of squares", Scanner._aggregate,
         replaced("(wide * wide).sum()", "wide.sum() * wide.sum()"), GOLDEN_SAMPLE, PARTIALS),
    code("the least and the greatest are swapped", Scanner._aggregate,
         replaced("_.min()", "_.max()"), GOLDEN_SAMPLE, PARTIALS),
    code("a last line without a newline is lost", Scanner.scan,
         replaced(r'block += b"\n"', r'block = block[: block.rfind(b"\n") + 1]'), ROWS, PARTIALS),
    code("a line over the edge of a range is cut", read_range,
         replaced("_after_newline(store, ref, end - 1, _)", "end"), ROWS, PARTIALS),
    code("the first line of a range is read in the one before it too", read_range,
         replaced("_after_newline(store, ref, end - 1, _)",
                  "_after_newline(store, ref, _after_newline(store, ref, end - 1, _), _)"),
         ROWS, PARTIALS),
    code("the rows of one range are dropped", _combined,
         replaced("in_order", "in_order[:-1] or in_order"), ROWS, PARTIALS),
    code("a range is counted twice", _combined,
         replaced("in_order", "[*in_order, in_order[0]]"), GOLDEN_SAMPLE, ROWS, PARTIALS),
    code("quarantine loses a line", Worker._quarantine,
         replaced("[_ for r in rejected]", "[_ for r in rejected[1:]]"), ROWS),
    code("quarantine holds other lines than were rejected", Worker._quarantine,
         replaced("_.line", "_.line[1:]"), ROWS, says="does not hold the lines"),
)  # fmt: skip

MERGING = (
    code("an object's partial is lost", _merge,
         preceded("partials = partials[1:]"), SNAPSHOT),
    code("a partial is merged twice", _merge,
         replaced("(_ for partial in partials)", "(_ for partial in [*partials, partials[0]])"),
         ANALYSIS, says="rows were read, but"),
    code("the greatest of both is the last one", Sums.merge,
         replaced("max(_, other.maximum)", "other.maximum"), PARTIALS),
    code("a partial is named without the contract's schema hash", identity_of,
         dropped("schema_hash"), SNAPSHOT),
    code("a partial is named without its object's version", identity_of,
         dropped("ref.etag"), SNAPSHOT),
)  # fmt: skip

FIGURES = (
    code("population for sample deviation", sample_variance,
         replaced("sums.n - 1", "sums.n"),
         GOLDEN_SAMPLE, f"{REGION}: figures", f"{SEXES}: figures"),
    code("the normal quantile for Student's", critical,
         replaced("stdtrit(_1, _2)", "1.959963984540054"),
         GOLDEN_SAMPLE, f"{REGION}: figures", f"{AGE}: figures", "comparisons: figures"),
    code("one tail for two", critical,
         replaced("1 + CONFIDENCE", "2 * CONFIDENCE"), GOLDEN_SAMPLE, f"{AGE}: figures"),
    code("the deviation for the standard error", interval,
         replaced("root(variance / sums.n)", "root(variance)"), GOLDEN_SAMPLE, f"{AGE}: figures"),
    code("the deviation for the standard error of the mean", standard_error,
         replaced("variance / sums.n", "variance"), GOLDEN_SAMPLE),
    code("a share of all instead of its region", _analysis,
         replaced("wholes[_[:-1]]", "sum(wholes.values())"), GOLDEN_SAMPLE, f"{SMOKERS}: figures"),
    code("a share in per cent", share,
         replaced("Fraction(part, whole)", "Fraction(100 * part, whole)"),
         GOLDEN_SAMPLE, f"{SMOKERS}: figures", f"{BMI}: figures"),
    code("figures rounded to whole numbers", decimal,
         replaced("round(value * _UNIT)", "round(value) * _UNIT"),
         GOLDEN_SAMPLE, f"{REGION}: figures"),
    code("figures cut off instead of rounded", decimal,
         replaced("round(_)", "int(_)"), GOLDEN_SAMPLE, f"{REGION}: figures"),
    code("trailing zeros stay", _plain,
         replaced('_.rstrip("0").rstrip(".")', "_"),
         GOLDEN_SAMPLE, f"{REGION}: fields and numbers"),
    code("a comma for the decimal point", _plain,
         replaced('f"{_}.{fraction:0{PLACES}d}"', 'f"{_},{fraction:0{PLACES}d}"'),
         GOLDEN_SAMPLE, f"{REGION}: fields and numbers"),
    code("a group of one has the interval nan", interval,
         replaced('("", "")', '("nan", "nan")'), GOLDEN_SAMPLE, f"{AGE}: fields and numbers"),
    code("squares instead of squared deviations in the cubes", squares,
         replaced("_ - sums.total**2", "_"), GOLDEN_SAMPLE, f"{CUBE}: figures"),
    code("squared deviations divided by n - 1 in the cubes", squares,
         replaced("sums.n * 10**_", "(sums.n - 1 or 1) * 10**_"),
         GOLDEN_SAMPLE, f"{CUBE}: figures"),
    code("a cube's margin is of its first group alone", _Groups.by,
         replaced("merge_cells(_1, {_2: _3})", "_1.setdefault(_2, _3)"), f"{CUBE}: figures"),
    code("a cube without its margins", _filter_cube,
         replaced("(True, False)", "(True,)"),
         GOLDEN_SAMPLE, f"{CUBE}: groups and their order"),
    code("a comparison the wrong way round", difference,
         swapped("mean(a, decimals) - mean(b, decimals)"), GOLDEN_SAMPLE, "comparisons: figures"),
    code("Hedges' g without its correction", welch,
         replaced("small_sample_factor(_)", "1"), GOLDEN_SAMPLE, "comparisons: figures"),
    code("Student's degrees of freedom for Welch's", welch,
         replaced("squared_error**2 / _", "Fraction(sum(it[1] for it in errors))"),
         GOLDEN_SAMPLE, "comparisons: figures"),
    code("a mean standardized over as many in each layer", Pair.layers,
         replaced("Layer(n, _1, _2)", "Layer(1, _1, _2)"), GOLDEN_SAMPLE),
    code("a p of one tail", welch,
         replaced("2 * float(_)", "float(_)"), GOLDEN_SAMPLE, "comparisons: figures"),
    code("ages over the top code are told", _top_coded,
         replaced("min(int(value), _)", "int(value)"), f"{AGE}: groups and their order"),
    code("bands in the order of the alphabet", _analysis,
         replaced("sorted(cells, key=_)", "sorted(cells)"),
         GOLDEN_SAMPLE, f"{BMI}: groups and their order"),
    code("the sexes are swapped among those who smoke", _analysis,
         replaced("map(str, key)", 'map(str, {("female", "yes"): ("male", "yes"), '
                  '("male", "yes"): ("female", "yes")}.get(key, key))'),
         GOLDEN_SAMPLE, f"{SEXES}: groups and their order"),
    code("lines ended by CRLF", Table.to_csv,
         replaced(r'"\n"', r'"\r\n"'), f"{REGION}: encoding"),
    code("a byte-order mark", Table.to_csv,
         replaced("_.encode()", '_.encode("utf-8-sig")'), GOLDEN_SAMPLE, f"{REGION}: encoding"),
    code("semicolons between the fields", Table.to_csv,
         replaced("DELIMITER.join", '";".join'), GOLDEN_SAMPLE, f"{REGION}: header"),
)  # fmt: skip

DISCLOSURE = (
    code("small groups are not suppressed", _choose,
         replaced("protection.suppressed", "()"), GOLDEN_SAMPLE, SMALL_SHOWN, guarded=True),
    code("small groups alone are suppressed, and follow from the others", _choose,
         replaced("protection.suppressed", "[p for p in protection.suppressed if any(0 < "
                  "groups.by(cell.names)[cell.key].n < contract.disclosure.minimum_rows "
                  "for cell in rows[p].counts)]"),
         CONFINED, guarded=True),
    code("all rows are suppressed", _choose,
         replaced("protection.suppressed", "range(len(rows))"),
         GOLDEN_SAMPLE, NEEDLESS, guarded=True),
    code("every output is withheld for a made-up reason", _table,
         replaced('chosen.withheld.get(_, "")', '"its groups are too many"'),
         GOLDEN_SAMPLE, NEEDLESS, guarded=True),
)  # fmt: skip


# --- the data in flight


def data(name: str, damage: Damage, *checks: str, **options: Any) -> Fault:
    """Damage to what lies between the analysis and its validation."""
    return Fault(name, "staged", damage, checks, **options)


def _cell(value: Any, place: int, change: Callable[[int], int]) -> None:
    """Change one of the sums of the first group of a stored cube: n, total, squares and so on."""
    cell = value["cube"][0][1][0]
    at = len(cell) - 5 + place
    cell[at] = change(cell[at])


def _swapped(value: Any) -> None:
    """Swap two groups of a stored cube."""
    first, second = value["cube"][0][1][:2]
    names = len(value["cube"][0][0])
    first[-5:], second[-5:] = second[-5:], first[-5:]
    assert names


def _partial_of_another(run: Run) -> None:
    first, second = run.partials[:2]
    run.edit(first, lambda _: run.store.read(second))


def _object_replaced(run: Run) -> None:
    key = f"{run.layout.input}/a.csv"
    run.edit(key, lambda text: text.replace(b"19,", b"21,"))


def _without_quarantine(run: Run) -> None:
    for key in run.quarantine:
        run.store.delete(key)


def _state_of_less(run: Run) -> None:
    """The state of a snapshot without one object, as an earlier run would have left it."""

    def less(value: Any) -> None:
        gone = sorted(value["members"])[0]
        del value["members"][gone]

    run.rewrite(run.told["state"], less)


IN_FLIGHT = (
    data(
        "a sum in a partial is off by one",
        lambda run: run.rewrite(run.partials[0], lambda value: _cell(value, 1, lambda n: n + 1)),
        PARTIALS,
    ),
    data(
        "a rejected row is counted too",
        lambda run: run.rewrite(run.partials[0], lambda value: _cell(value, 0, lambda n: n + 1)),
        ROWS, PARTIALS,
    ),
    data(
        "two groups of a partial are swapped",
        lambda run: run.rewrite(run.partials[0], _swapped),
        PARTIALS,
    ),
    data("a partial is gone", lambda run: run.store.delete(run.partials[0]), PARTIAL_THERE),
    data(
        "a partial is cut off",
        lambda run: run.edit(run.partials[0], lambda text: text[:-20]),
        PARTIAL_THERE,
    ),
    data("a partial is another object's", _partial_of_another, PARTIAL_THERE),
    data(
        "a sum in the state is off by one",
        lambda run: run.rewrite(run.told["state"], lambda value: _cell(value, 2, lambda n: n + 1)),
        MERGED,
    ),
    data(
        "two groups of the state are swapped",
        lambda run: run.rewrite(run.told["state"], _swapped),
        MERGED,
    ),
    data("the state is gone", lambda run: run.store.delete(run.told["state"]), MERGED),
    data("the state is another snapshot's", _state_of_less, SNAPSHOT),
    data(
        "the rejected lines are gone",
        _without_quarantine,
        ROWS,
    ),
    data(
        "an object is another version when it is read again",
        _object_replaced,
        "objects: can be checked",
    ),
    data(
        "the summary counts a row too many",
        lambda run: run.summary(counted=run.told["counted"] + 1),
        ADDS_UP,
    ),
    data(
        "the summary is another run's",
        lambda run: run.summary(run_id="20200101T000000000Z-000000000000"),
        THIS_RUN,
    ),
)  # fmt: skip


# --- what is staged


def staged(name: str, damage: Damage, *checks: str, **options: Any) -> Fault:
    """Damage to a staged output."""
    return Fault(name, "staged", damage, checks, **options)


def _text(output: str, old: str, new: str, **options: Any) -> Damage:
    return lambda run: run.staged(
        output, lambda text: text.replace(old.encode(), new.encode(), 1), **options
    )


def _other_rows(output: str, change: Callable[[list[list[str]]], object]) -> Damage:
    return lambda run: run.rows(output, change)


def _value(
    row: int, column: str, change: Callable[[str], str]
) -> Callable[[list[list[str]]], None]:
    def edit(rows: list[list[str]]) -> None:
        at = rows[0].index(column)
        rows[row][at] = change(rows[row][at])

    return edit


def _swap_figures(rows: list[list[str]]) -> None:
    rows[1][1:], rows[2][1:] = rows[2][1:], rows[1][1:]


def _mean_of_means(run: Run) -> None:
    """The mean of a region as the mean of its groups' means."""
    cube = csv.DictReader(io.StringIO(run.read_staged(CUBE)))
    means = [
        float(row["sum_charges"]) / int(row["patients"])
        for row in cube
        if row["region"] == "northeast" and "all" not in (row["sex"], row["smoker"])
    ]
    run.rows(
        REGION, _value(1, "mean_charges", lambda _: f"{sum(means) / len(means):.6f}".rstrip("0"))
    )


def _shown_again(output: str, labels: list[str], figures: list[str]) -> Damage:
    """A row that was suppressed, with its figures, and the summary counting one less."""

    def show(run: Run) -> None:
        def edit(rows: list[list[str]]) -> None:
            [row] = [row for row in rows if row[: len(labels)] == labels]
            assert not any(row[len(labels) :])
            row[len(labels) :] = figures

        run.rows(output, edit)
        left = run.told["suppressed"] | {output: run.told["suppressed"][output] - 1}
        run.summary(suppressed=left, staged=run.told["staged"])

    return show


STAGED = (
    staged("a header is renamed", _text(REGION, "mean_charges", "average"), f"{REGION}: header"),
    staged(
        "an output is cut off",
        lambda run: run.staged(AGE, lambda text: text[: len(text) // 2]),
        f"{AGE}: encoding",
    ),
    staged(
        "an output is empty",
        lambda run: run.staged(SEXES, lambda _: b""),
        f"{SEXES}: header",
    ),
    staged(
        "a row is lost",
        _other_rows(SMOKERS, lambda rows: rows.pop(3)),
        f"{SMOKERS}: groups and their order",
    ),
    staged(
        "a group has two rows",
        _other_rows(BMI, lambda rows: rows.append(rows[-1])),
        f"{BMI}: groups and their order",
    ),
    staged(
        "rows out of order",
        _other_rows(AGE, lambda rows: rows.insert(1, rows.pop(5))),
        f"{AGE}: groups and their order",
    ),
    staged("mean of means", _mean_of_means, f"{REGION}: figures"),
    staged("two groups are swapped", _other_rows(REGION, _swap_figures), f"{REGION}: figures"),
    staged(
        "a figure is off in its last decimal",
        _other_rows(
            BMI,
            _value(2, "mean_charges", lambda text: text[:-1] + ("1" if text[-1] != "1" else "2")),
        ),
        f"{BMI}: figures",
    ),
    staged(
        "a person too many",
        _other_rows(CUBE, _value(4, "patients", lambda text: str(int(text) + 1))),
        f"{CUBE}: figures",
    ),
    staged(
        "a mean has an exponent",
        _other_rows(AGE, _value(1, "mean_charges", lambda text: f"{float(text):e}")),
        f"{AGE}: fields and numbers",
    ),
    staged(
        "NaN for a figure",
        _other_rows(REGION, _value(1, "stddev_charges", lambda _: "NaN")),
        f"{REGION}: fields and numbers",
    ),
    staged(
        "a row loses its figures and nobody says why",
        _other_rows(SEXES, lambda rows: rows.__setitem__(1, [*rows[1][:2], "", "", "", "", ""])),
        ACCOUNTED,
    ),
    staged(
        "an output is not staged",
        lambda run: run.store.delete(run.layout.staged(run.run_id, AGE)),
        THIS_RUN,
    ),
    staged(
        "an output is written again after the run noted its hash",
        _text(REGION, "northeast", "northwest", told=False),
        THIS_RUN,
    ),
    staged(
        "a small group is shown",
        _shown_again(AGE, ["90"], ["3", "4666.833333", "", ""]),
        SMALL_SHOWN,
        guarded=True,
    ),
)  # fmt: skip


# --- what is published


def published(name: str, damage: Damage, check: str = MANIFESTS, **options: Any) -> Fault:
    """Damage to what is published, before its manifests are written."""
    return Fault(name, "published", damage, (check,), **options)


def manifests(name: str, damage: Damage, **options: Any) -> Fault:
    """Damage to what is published, or to a manifest of it."""
    return Fault(name, "manifests", damage, (MANIFESTS,), **options)


def _output(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda run: run.edit(run.layout.published(name), change)


def _manifest(name: str, change: Callable[[Any], object]) -> Damage:
    def edit(text: bytes) -> bytes:
        value = json.loads(text)
        change(value)
        return json.dumps(value).encode()

    return lambda run: run.edit(run.layout.manifest(name), edit)


def _names(key: Callable[[Run], str]) -> Damage:
    """The manifest of the ages names another file."""
    return lambda run: run.edit(
        run.layout.manifest(AGE), lambda _: manifest([f"{run.store.uri}/{key(run)}"])
    )


def _setting(name: str, value: str) -> Callable[[Any], None]:
    def edit(text: Any) -> None:
        text["globalUploadSettings"][name] = value

    return edit


PUBLISHED = (
    published(
        "a published output is cut off",
        _output(AGE, lambda text: text[: text.rindex(b"\n", 0, -1) + 1]),
        says=AGE,
    ),
    published(
        "a published output has no rows",
        _output(AGE, lambda text: text.partition(b"\n")[0] + b"\n"),
        says=AGE,
    ),
    published(
        "a published output has other figures",
        _output(REGION, lambda text: text.replace(b"northeast,", b"northeast,1", 1)),
        says=REGION,
    ),
    published(
        "a published output is another's",
        lambda run: run.edit(
            run.layout.published(AGE), lambda _: run.store.read(run.layout.published(REGION))
        ),
        says=AGE,
    ),
    published(
        "a published output is gone",
        lambda run: run.store.delete(run.layout.published(SEXES)),
        says=SEXES,
    ),
    manifests("a manifest is gone", lambda run: run.store.delete(run.layout.manifest(AGE)),
              says="does not exist"),
    manifests(
        "a manifest names an output of another run",
        _names(lambda run: run.layout.staged("20200101T000000000Z-000000000000", AGE)),
        says="is not below",
    ),
    manifests(
        "a manifest names another analysis' output",
        _names(lambda run: run.layout.published(REGION)),
        says="is not below",
    ),
    manifests(
        "a manifest names the file twice",
        _manifest(AGE, lambda value: value["fileLocations"].append(value["fileLocations"][0])),
        says="is listed 2 times",
    ),
    manifests(
        "a manifest takes in a whole folder",
        _manifest(
            AGE, lambda value: value["fileLocations"].append({"URIPrefixes": ["s3://b/p/"]})
        ),
        says="URIPrefixes",
    ),
    manifests(
        "a manifest says that there is no header",
        _manifest(AGE, _setting("containsHeader", "false")),
        says="containsHeader",
    ),
    manifests(
        "a manifest says that semicolons separate",
        _manifest(AGE, _setting("delimiter", ";")),
        says="delimiter",
    ),
    manifests(
        "a manifest is left of an analysis that is no more",
        lambda run: run.store.write(run.layout.manifest("gone"), b"{}"),
        says="belongs to no analysis",
    ),
)  # fmt: skip


REPLACED = Fault(
    "an output is replaced after it was validated",
    "validated",
    lambda run: run.edit(
        run.layout.staged(run.run_id, AGE), lambda text: text.replace(b"18,", b"19,", 1)
    ),
    (PUBLICATION,),
    says=AGE,
)

FAULTS = (*READING, *MERGING, *FIGURES, *DISCLOSURE, *IN_FLIGHT, *STAGED, REPLACED, *PUBLISHED)
