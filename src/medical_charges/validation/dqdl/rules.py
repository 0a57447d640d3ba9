"""The rules of Glue Data Quality that follow from a contract.

Only what means the same to Glue and to Deequ is written: `>=` and `<=` for `between`, which
excludes both ends; no threshold, no history, no entropy, no sign of an exponent; a column that may
be empty is looked at by SQL, where an empty field breaks no comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from medical_charges.checks import Category, Severity
from medical_charges.contract import Column, Contract
from medical_charges.contract.model import (
    COMPARISON_COLUMNS,
    COMPARISONS,
    INPUT,
    MARGIN,
    StringColumn,
)

_EXACT = 2**53
"""Numbers in rules are doubles: whole ones beyond this are compared by SQL."""

_PLAIN = re.compile(r"[\w -]+")
_ROUNDED = "0.000002"
"""What two figures that are rounded to 6 decimals may miss each other by."""


@dataclass(frozen=True)
class Rule:
    """One rule with what a check of it is called."""

    name: str
    text: str
    category: Category
    severity: Severity = "fail"
    broken_where: str = ""
    """What rows break it meet, as SQL, if it is about single rows and that is known."""


@dataclass(frozen=True)
class Ruleset:
    """The rules of one table."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def text(self) -> str:
        """The ruleset as Glue and Deequ read it."""
        return ruleset_text([rule.text for rule in self.rules])


def ruleset_text(rules: Sequence[str]) -> str:
    """Rules as a document of DQDL."""
    return "Rules = [\n" + ",\n".join(f"    {rule}" for rule in rules) + "\n]\n"


def rulesets(contract: Contract) -> list[Ruleset]:
    """The rules of the accepted rows, and those of every output."""
    return [input_rules(contract), *(output_rules(contract, name) for name in contract.outputs)]


def rulesets_text(contract: Contract) -> str:
    """The rulesets as the text of a file, by the tables that they are about."""
    texts = {ruleset.name: ruleset.text for ruleset in rulesets(contract)}
    return json.dumps(texts, indent=2) + "\n"


def input_rules(contract: Contract) -> Ruleset:
    """What holds for the rows that are counted."""
    columns = contract.source.columns
    rules = [
        *_columns(tuple(columns)),
        Rule("rows", "RowCount > 0", "completeness"),
        *(rule for name, column in columns.items() for rule in _column_rules(name, column)),
    ]
    return Ruleset(INPUT, (*rules, *_own_rules(contract, None)))


def output_rules(contract: Contract, output: str) -> Ruleset:
    """What holds for an output, a suppressed row's figures being empty."""
    header = contract.outputs[output]
    if output == COMPARISONS:
        rules = _comparison_rules(contract)
    elif output in contract.analyses:
        rules = _analysis_rules(contract, output)
    else:
        rules = _cube_rules(contract, output)
    return Ruleset(output, (*_columns(header), *rules, *_own_rules(contract, output)))


def _own_rules(contract: Contract, output: str | None) -> Iterator[Rule]:
    for name, own in contract.quality.rules.items():
        if own.output == output:
            yield Rule(f"rules.{name}", own.rule, own.category, own.severity)


def _columns(names: Sequence[str]) -> Iterator[Rule]:
    yield Rule("columns", f"ColumnCount = {len(names)}", "conformance")
    for name in names:
        yield Rule(f"{name}.there", f'ColumnExists "{name}"', "conformance")


################################################################################
# The rows
################################################################################


def _column_rules(name: str, column: Column) -> Iterator[Rule]:
    if not column.nullable:
        yield _complete(name)
    if isinstance(column, StringColumn):
        if column.allowed is not None:
            yield _allowed(name, column.allowed, nullable=column.nullable)
        return
    for end, bound, holds, breaks in (
        ("minimum", column.minimum, ">=", "<"),
        ("maximum", column.maximum, "<=", ">"),
    ):
        if bound is None:
            continue
        plain = not column.nullable and _is_plain(name) and abs(bound) <= _EXACT
        native = f'ColumnValues "{name}" {holds} {_number(bound)}' if plain else ""
        beyond = f"{_quoted(name)} {breaks} {_number(bound)}"
        yield _row_rule(f"{name}.{end}", beyond, "conformance", native)


def _complete(name: str) -> Rule:
    native = f'IsComplete "{name}"' if _is_plain(name) else ""
    return _row_rule(f"{name}.complete", f"{_quoted(name)} IS NULL", "completeness", native)


def _allowed(name: str, values: Sequence[str], *, nullable: bool = False) -> Rule:
    plain = not nullable and _is_plain(name) and all(map(_is_plain, values))
    native = f'ColumnValues "{name}" in {json.dumps(values, ensure_ascii=False)}' if plain else ""
    other = f"{_quoted(name)} NOT IN ({', '.join(map(_literal, values))})"
    return _row_rule(f"{name}.allowed", other, "conformance", native)


################################################################################
# The outputs
################################################################################


def _analysis_rules(contract: Contract, output: str) -> Iterator[Rule]:
    analysis = contract.analyses[output]
    yield from _key_rules(contract, analysis.group_by)
    header = contract.outputs[output][len(analysis.group_by) :]
    counted = "patients" in header
    if counted:
        yield _small_cells(contract, ["patients"])
    yield from _together(contract, header)
    measure = contract.measure
    low, mean, high, deviation = (
        f"{statistic}_{measure}" for statistic in ("minimum", "mean", "maximum", "stddev")
    )
    extremes = [name for name in (low, mean, high) if name in header]
    if extremes != [mean] and extremes:
        yield _in_order("minimum_mean_maximum", extremes)
    if "ci95_low" in header:
        yield _in_order(
            "ci95_around_mean", [n for n in ("ci95_low", mean, "ci95_high") if n in header]
        )
    if deviation in header:
        yield _row_rule("deviation", f"{_quoted(deviation)} < 0", "plausibility")
    if "share" in header:
        yield _row_rule("share", "share < 0 OR share > 1", "plausibility")
        yield _shares_add_up(analysis.group_by[:-1])


def _comparison_rules(contract: Contract) -> Iterator[Rule]:
    labels = COMPARISON_COLUMNS[:4]
    for name in labels:
        yield _complete(name)
    yield _unique(labels)
    yield _allowed("comparison", tuple(contract.comparisons))
    yield _small_cells(contract, ["n_a", "n_b"])
    # A test that does not exist is empty as a whole, and so is a suppressed row.
    sizes = "(n_a IS NULL) <> (n_b IS NULL) OR (n_a IS NULL AND difference IS NOT NULL)"
    tests = [f"(t IS NULL) <> ({n} IS NULL)" for n in COMPARISON_COLUMNS[7:] if n != "t"]
    yield _row_rule("figures", " OR ".join([sizes, *tests]), "completeness")
    yield _in_order("ci95_around_difference", ["ci95_low", "difference", "ci95_high"])
    yield _row_rule("p", "p < 0 OR p > 1", "plausibility")
    yield _row_rule("df", "df < 0.999998", "plausibility")
    yield _row_rule("signs", "t * difference < 0 OR hedges_g * t < 0", "plausibility")


def _cube_rules(contract: Contract, output: str) -> Iterator[Rule]:
    names = contract.cubes[output]
    yield from _key_rules(contract, names, margins=contract.dashboard.filters)
    yield _small_cells(contract, ["patients"])
    measure = contract.measure
    figures = ["patients", f"sum_{measure}", f"m2_{measure}"]
    apart = [f"(patients IS NULL) <> ({_quoted(name)} IS NULL)" for name in figures[1:]]
    yield _row_rule("figures", " OR ".join(apart), "completeness")
    yield _row_rule("squares", f"{_quoted(figures[2])} < 0", "plausibility")
    yield _margins_add_up(names, contract.dashboard.filters)


def _key_rules(
    contract: Contract, names: Sequence[str], margins: Collection[str] = ()
) -> Iterator[Rule]:
    for name in names:
        yield _complete(name)
    yield _unique(names)
    for name in names:
        values = _groups(contract, name)
        if values is not None:
            yield _allowed(name, (*values, *((MARGIN,) if name in margins else ())))


def _groups(contract: Contract, name: str) -> tuple[str, ...] | None:
    """The groups that there can be, where the contract lists them."""
    if name in contract.bands:
        return contract.bands[name].labels
    column = contract.source.columns[name]
    return column.allowed if isinstance(column, StringColumn) else None


def _unique(names: Sequence[str]) -> Rule:
    listed = " ".join(f'"{name}"' for name in names)
    return Rule("unique", f"IsPrimaryKey {listed}", "conformance")


def _small_cells(contract: Contract, counts: Sequence[str]) -> Rule:
    least = contract.disclosure.minimum_cell
    small = [f"({name} > 0 AND {name} < {least}) OR {name} < 0" for name in counts]
    return _row_rule("small_cells", " OR ".join(small), "conformance")


def _together(contract: Contract, figures: Sequence[str]) -> Iterator[Rule]:
    """A row has every figure that it can have, or none."""
    extremes = contract.disclosure.extremes == "publish"
    measure = contract.measure
    without = {f"minimum_{measure}", f"maximum_{measure}"} if not extremes else set()
    # A group of one has neither.
    spread = [n for n in figures if n in {f"stddev_{measure}", "ci95_low", "ci95_high"}]
    always = [n for n in figures if n not in spread and n not in without]
    apart = [f"({a} IS NULL) <> ({b} IS NULL)" for a, b in _pairs(always)]
    apart += [f"({a} IS NULL) <> ({b} IS NULL)" for a, b in _pairs(spread)]
    if always and spread:
        first, last = _quoted(always[0]), _quoted(spread[0])
        several = " AND patients > 1" if "patients" in always else ""
        apart.append(f"({first} IS NULL AND {last} IS NOT NULL)")
        if several:
            apart.append(f"({last} IS NULL{several})")
    apart += [f"{_quoted(name)} IS NOT NULL" for name in figures if name in without]
    if apart:
        yield _row_rule("figures", " OR ".join(apart), "completeness")


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(map(_quoted, names[:-1]), map(_quoted, names[1:]), strict=True)


def _in_order(rule: str, names: Sequence[str]) -> Rule:
    """Figures that rise from one to the next, but for the last decimal."""
    falls = [f"{low} - {high} > {_ROUNDED}" for low, high in _pairs(names)]
    return _row_rule(rule, " OR ".join(falls), "plausibility")


def _shares_add_up(whole: Sequence[str]) -> Rule:
    """Shares of a whole make one, or less where some are withheld."""
    grouped = f" GROUP BY {', '.join(map(_quoted, whole))}" if whole else ""
    counted = "sum(share) AS s, count(*) AS n, count(share) AS k"
    sums = f"SELECT {counted} FROM primary{grouped}"  # noqa: S608 - of the contract's names, quoted
    wrong = f"s > 1 + n * {_ROUNDED} OR (n = k AND s < 1 - n * {_ROUNDED})"
    return Rule("shares", _no_group(sums, wrong), "plausibility")


def _margins_add_up(names: Sequence[str], filters: Collection[str]) -> Rule:
    """A margin's people are those of its parts, or more where some of these are withheld."""
    sums = []
    for name in filters:
        column, others = _quoted(name), [_quoted(other) for other in names if other != name]
        grouped = f" GROUP BY {', '.join(others)}" if others else ""
        whole, apart = (f"{column} {sign} {_literal(MARGIN)}" for sign in ("=", "<>"))
        part = f"CASE WHEN {apart} THEN patients END"
        counted = (
            f"max(CASE WHEN {whole} THEN patients END) AS w, sum({part}) AS s, "
            f"count(CASE WHEN {apart} THEN 1 END) AS n, count({part}) AS k"
        )
        sums.append(f"SELECT {counted} FROM primary{grouped}")  # noqa: S608 - as above
    wrong = "s > w OR (n = k AND s < w)"
    return Rule("margins", _no_group(" UNION ALL ".join(sums), wrong), "plausibility")


def _no_group(groups: str, condition: str) -> str:
    """A rule that no group meets the condition: what it counts are the groups that break it."""
    query = f"SELECT count(*) FROM ({groups}) WHERE {condition}"  # noqa: S608 - as above
    return f'CustomSql "{query}" = 0'


################################################################################
# Texts
################################################################################


def _row_rule(name: str, broken_where: str, category: Category, native: str = "") -> Rule:
    """A rule that no row meets a condition, in a text of its own if there is one for it.

    All such rules of a ruleset are looked at in one pass, where `CustomSql` takes one each.
    """
    text = native or f'RowCount = 0 where "{broken_where}"'
    return Rule(name, text, category, broken_where=broken_where)


def _is_plain(text: str) -> bool:
    """Whether a name or value means itself wherever it stands: in DQDL, and in Deequ's SQL."""
    return _PLAIN.fullmatch(text) is not None


def _number(value: float) -> str:
    """A number without an exponent, which DQDL does not read."""
    return format(Decimal(str(value)), "f")


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _literal(value: str) -> str:
    """A text as SQL has it, whatever its quotes and backslashes."""
    if _is_plain(value):
        return f"'{value}'"
    return f"decode(X'{value.encode().hex()}', 'UTF-8')"
