"""The Glue Data Quality rules that are derived from a contract.

Rules use only what Glue and Deequ interpret in the same way: `>=` and `<=` for `between`, which
excludes both ends; no threshold, no history, no entropy, no sign of an exponent. A nullable column
is checked by SQL, where an empty field breaks no comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import get_args

from medical_charges.checks import Category, Severity
from medical_charges.contract import Column, Contract
from medical_charges.contract.model import INPUT, MARGIN
from medical_charges.contract.outputs import Empty, Kind, Output, OutputColumn
from medical_charges.contract.parts.source import StringColumn

_EXACT = 2**53
"""Largest exact integer in a rule, whose numbers are doubles; larger ones use SQL."""

_PLAIN = re.compile(r"[\w -]+")
_ROUNDED = "0.000002"
"""Maximum difference of two figures that are rounded to 6 decimals."""


@dataclass(frozen=True)
class Groups:
    """Groups of a table's rows, none of which may meet a condition. All but the names is SQL."""

    by: tuple[str, ...]
    wrong: str
    """The condition, on the sum `s` of `added`, the number `k` of rows that have it, the number `n`
    of all, and the greatest `w` of `whole`."""
    added: str = "NULL"
    counted: str = "1"
    """NULL in the rows that `n` leaves out."""
    whole: str = "NULL"


@dataclass(frozen=True)
class Rule:
    """One rule with the name of its check."""

    name: str
    text: str
    category: Category
    severity: Severity = "fail"
    broken_where: str = ""
    """SQL condition of the rows that break the rule, if it is about single rows."""
    groups: tuple[Groups, ...] = ()
    """The groups that the rule is about, if it is about groups of rows."""
    own: bool = False
    """True if the contract states the rule, and it does not follow from other parts of it."""


@dataclass(frozen=True)
class Ruleset:
    """The rules of one table."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def text(self) -> str:
        """Return the ruleset in the form that Glue and Deequ read."""
        return ruleset_text([rule.text for rule in self.rules])

    def part(self, *, own: bool) -> Ruleset:
        """Return the rules that the contract states, or those that follow from it."""
        return Ruleset(self.name, tuple(rule for rule in self.rules if rule.own == own))


def ruleset_text(rules: Sequence[str]) -> str:
    """Return rules as a DQDL document."""
    return "Rules = [\n" + ",\n".join(f"    {rule}" for rule in rules) + "\n]\n"


def rulesets(contract: Contract) -> list[Ruleset]:
    """Return the rules of the accepted rows, and those of every output."""
    return [input_rules(contract), *(output_rules(contract, name) for name in contract.outputs)]


def rulesets_text(contract: Contract) -> str:
    """Return the rulesets of all tables as the text of a file."""
    texts = {ruleset.name: ruleset.text for ruleset in rulesets(contract)}
    return json.dumps(texts, indent=2) + "\n"


def input_rules(contract: Contract) -> Ruleset:
    """Return the rules for the rows that are counted."""
    columns = contract.source.columns
    rules = [
        *_columns(tuple(columns)),
        Rule("rows", "RowCount > 0", "completeness"),
        *(rule for name, column in columns.items() for rule in _column_rules(name, column)),
    ]
    return Ruleset(INPUT, (*rules, *_own_rules(contract, None)))


def output_rules(contract: Contract, name: str) -> Ruleset:
    """Return the rules for an output; the figures of a suppressed row are empty."""
    output = contract.outputs[name]
    rules = [
        *_columns(output.header),
        *_key_rules(output),
        *_small_cells(output, contract.disclosure.minimum_rows),
        *_together(output, contract.disclosure.minimum_rows),
        *(_in_order(rule, columns) for rule, columns in output.rising.items()),
        # From the last column to the first: the order in deployed rulesets.
        *(rule for column in reversed(output.figures) for rule in _bounds(column)),
        *_OF_KIND[output.kind](output, contract),
    ]
    return Ruleset(name, (*rules, *_own_rules(contract, name)))


def _own_rules(contract: Contract, output: str | None) -> Iterator[Rule]:
    for name, own in contract.quality.rules.items():
        if own.output == output:
            yield Rule(f"rules.{name}", own.rule, own.category, own.severity, own=True)


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
        beyond = f"{quoted(name)} {breaks} {_number(bound)}"
        yield _row_rule(f"{name}.{end}", beyond, "conformance", native)


def _complete(name: str) -> Rule:
    native = f'IsComplete "{name}"' if _is_plain(name) else ""
    return _row_rule(f"{name}.complete", f"{quoted(name)} IS NULL", "completeness", native)


def _allowed(name: str, values: Sequence[str], *, nullable: bool = False) -> Rule:
    plain = not nullable and _is_plain(name) and all(map(_is_plain, values))
    native = f'ColumnValues "{name}" in {json.dumps(values, ensure_ascii=False)}' if plain else ""
    other = f"{quoted(name)} NOT IN ({', '.join(map(literal, values))})"
    return _row_rule(f"{name}.allowed", other, "conformance", native)


################################################################################
# The outputs
################################################################################


def _key_rules(output: Output) -> Iterator[Rule]:
    names = [column.name for column in output.labels]
    yield from map(_complete, names)
    yield _unique(names)
    for column in output.labels:
        if column.values is not None:
            yield _allowed(column.name, column.values)


def _unique(names: Sequence[str]) -> Rule:
    listed = " ".join(f'"{name}"' for name in names)
    # Deequ takes a name with a point or a backtick for a path into a structure.
    is_path = any(character in name for name in names for character in ".`")
    native = "" if is_path else f"IsPrimaryKey {listed}"
    return _group_rule("unique", "conformance", Groups(tuple(names), "n > 1"), native=native)


def _small_cells(output: Output, least: int) -> Iterator[Rule]:
    counts = [column.name for column in output.figures if column.role == "count"]
    small = [f"({name} > 0 AND {name} < {least}) OR {name} < 0" for name in counts]
    if small:
        yield _row_rule("small_cells", " OR ".join(small), "conformance")


def _together(output: Output, least: int) -> Iterator[Rule]:
    """Return the rule that a row has all of its possible figures, or none."""
    empty: dict[Empty, list[str]] = {
        when: [column.name for column in output.figures if column.empty == when]
        for when in get_args(Empty)
    }
    withheld, medians = empty.pop("withheld"), empty.pop("few")
    alike = [names for names in empty.values() if names]
    apart = [f"({a} IS NULL) <> ({b} IS NULL)" for names in alike for a, b in _pairs(names)]
    for before, after in pairwise(alike):
        apart += [f"({a} IS NULL AND {b} IS NOT NULL)" for a, b in _pairs([before[0], after[0]])]
    if "patients" in empty["suppressed"] and empty["counted"] and empty["single"]:
        there, single = empty["counted"][0], empty["single"][0]
        apart.append(f"({quoted(single)} IS NULL AND {quoted(there)} IS NOT NULL AND patients > 1)")
    apart += [f"{quoted(name)} IS NOT NULL" for name in withheld]
    for name in medians:
        apart += _median(quoted(name), least, (empty["counted"] + empty["single"])[:1])
    if apart:
        yield _row_rule("figures", " OR ".join(apart), "completeness")


def _median(name: str, least: int, measured: Sequence[str]) -> Iterator[str]:
    """Yield conditions of a median that is missing, or there, against the number of people.

    Where a figure of the measure is there, a median is missing only with too few on a side.
    """
    enough = f"patients >= {2 * least + 1}"
    yield f"({name} IS NOT NULL AND (patients IS NULL OR NOT {enough}))"
    for other in map(quoted, measured):
        yield f"({name} IS NOT NULL AND {other} IS NULL)"
        yield f"({name} IS NULL AND {other} IS NOT NULL AND {enough})"


def _bounds(column: OutputColumn) -> Iterator[Rule]:
    if column.bounds is not None:
        ends = (("<", column.bounds.least), (">", column.bounds.most))
        beyond = [f"{quoted(column.name)} {sign} {end}" for sign, end in ends if end]
        yield _row_rule(column.bounds.rule, " OR ".join(beyond), "plausibility")


def _share_rules(output: Output, _: Contract) -> Iterator[Rule]:
    if any(column.name == "share" for column in output.figures):
        yield _shares_add_up([column.name for column in output.labels[:-1]])


def _sign_rules(_: Output, __: Contract) -> Iterator[Rule]:
    yield _row_rule("signs", "t * difference < 0 OR hedges_g * t < 0", "plausibility")


def _margin_rules(output: Output, contract: Contract) -> Iterator[Rule]:
    yield _margins_add_up([it.name for it in output.labels], contract.dashboard.filters)


_OF_KIND: Mapping[Kind, Callable[[Output, Contract], Iterator[Rule]]] = {
    "analysis": _share_rules,
    "comparisons": _sign_rules,
    "cube": _margin_rules,
}


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(map(quoted, names[:-1]), map(quoted, names[1:]), strict=True)


def _in_order(rule: str, names: Sequence[str]) -> Rule:
    """Return the rules that figures rise from one to the next, within rounding."""
    falls = [f"{low} - {high} > {_ROUNDED}" for low, high in _pairs(names)]
    return _row_rule(rule, " OR ".join(falls), "plausibility")


def _shares_add_up(whole: Sequence[str]) -> Rule:
    """Return the rule that shares of a whole make one, or less if some are withheld."""
    wrong = f"s > 1 + n * {_ROUNDED} OR (n = k AND s < 1 - n * {_ROUNDED})"
    return _group_rule("shares", "plausibility", Groups(tuple(whole), wrong, "share"))


def _margins_add_up(names: Sequence[str], filters: Collection[str]) -> Rule:
    """Return the rule that a margin's people are those of its parts, or more if any is withheld."""
    groups = []
    for name in filters:
        whole, apart = (f"{quoted(name)} {sign} {literal(MARGIN)}" for sign in ("=", "<>"))
        groups.append(
            Groups(
                tuple(other for other in names if other != name),
                "s > w OR (n = k AND s < w)",
                added=f"CASE WHEN {apart} THEN patients END",
                counted=f"CASE WHEN {apart} THEN 1 END",
                whole=f"CASE WHEN {whole} THEN patients END",
            )
        )
    return _group_rule("margins", "plausibility", *groups)


################################################################################
# Texts
################################################################################


def _row_rule(name: str, broken_where: str, category: Category, native: str = "") -> Rule:
    """Return a rule that no row meets a condition, with its own text if there is one.

    All such rules of a ruleset are evaluated in one pass, whereas each `CustomSql` needs its own.
    """
    text = native or f'RowCount = 0 where "{broken_where}"'
    return Rule(name, text, category, broken_where=broken_where)


def _is_plain(text: str) -> bool:
    """Return True if a name or value needs no quoting, in DQDL and in Deequ's SQL."""
    return _PLAIN.fullmatch(text) is not None


def _group_rule(name: str, category: Category, *groups: Groups, native: str = "") -> Rule:
    """Return a rule that no group of rows meets its condition."""
    queries = []
    for group in groups:
        grouped = f" GROUP BY {', '.join(map(quoted, group.by))}" if group.by else ""
        queries.append(f"SELECT {sums(group)} FROM primary{grouped}")  # noqa: S608 - as below
    text = native or no_group(" UNION ALL ".join(queries), groups[0].wrong)
    return Rule(name, text, category, groups=groups)


def sums(group: Groups) -> str:
    """Return SQL of what the condition of groups is about."""
    return (
        f"max({group.whole}) AS w, sum({group.added}) AS s, "
        f"count({group.counted}) AS n, count({group.added}) AS k"
    )


def no_group(groups: str, condition: str) -> str:
    """Return a rule that no group meets the condition; it counts the groups that break it."""
    query = f"SELECT count(*) FROM ({groups}) WHERE {condition}"  # noqa: S608 - of the contract's names, quoted
    return f'CustomSql "{query}" = 0'


def _number(value: float) -> str:
    """Return a number without an exponent, which DQDL does not read."""
    return format(Decimal(str(value)), "f")


def quoted(name: str) -> str:
    """Return a column's name in SQL."""
    return f"`{name.replace('`', '``')}`"


def literal(value: str) -> str:
    """Return a text as an SQL literal, with quotes and backslashes escaped."""
    if _is_plain(value):
        return f"'{value}'"
    return f"decode(X'{value.encode().hex()}', 'UTF-8')"
