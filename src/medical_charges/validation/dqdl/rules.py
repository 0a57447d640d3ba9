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
from medical_charges.contract.model import INPUT, MARGIN, StringColumn
from medical_charges.contract.outputs import Empty, Kind, Output, OutputColumn

_EXACT = 2**53
"""Largest exact integer in a rule, whose numbers are doubles; larger ones use SQL."""

_PLAIN = re.compile(r"[\w -]+")
_ROUNDED = "0.000002"
"""Maximum difference of two figures that are rounded to 6 decimals."""


@dataclass(frozen=True)
class Rule:
    """One rule with the name of its check."""

    name: str
    text: str
    category: Category
    severity: Severity = "fail"
    broken_where: str = ""
    """SQL condition of the rows that break the rule, if it is about single rows."""


@dataclass(frozen=True)
class Ruleset:
    """The rules of one table."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def text(self) -> str:
        """Return the ruleset in the form that Glue and Deequ read."""
        return ruleset_text([rule.text for rule in self.rules])


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
        *_together(output),
        *(_in_order(rule, columns) for rule, columns in output.rising.items()),
        # From the last column to the first: the order in deployed rulesets.
        *(rule for column in reversed(output.figures) for rule in _bounds(column)),
        *_OF_KIND[output.kind](output, contract),
    ]
    return Ruleset(name, (*rules, *_own_rules(contract, name)))


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


def _key_rules(output: Output) -> Iterator[Rule]:
    names = [column.name for column in output.labels]
    yield from map(_complete, names)
    yield _unique(names)
    for column in output.labels:
        if column.values is not None:
            yield _allowed(column.name, column.values)


def _unique(names: Sequence[str]) -> Rule:
    if any(character in name for name in names for character in ".`"):
        # Deequ takes such a name for a path into a structure.
        grouped = ", ".join(map(_quoted, names))
        counts = f"SELECT count(*) AS n FROM primary GROUP BY {grouped}"  # noqa: S608 - as below
        return Rule("unique", _no_group(counts, "n > 1"), "conformance")
    listed = " ".join(f'"{name}"' for name in names)
    return Rule("unique", f"IsPrimaryKey {listed}", "conformance")


def _small_cells(output: Output, least: int) -> Iterator[Rule]:
    counts = [column.name for column in output.figures if column.role == "count"]
    small = [f"({name} > 0 AND {name} < {least}) OR {name} < 0" for name in counts]
    if small:
        yield _row_rule("small_cells", " OR ".join(small), "conformance")


def _together(output: Output) -> Iterator[Rule]:
    """Return the rule that a row has all of its possible figures, or none."""
    empty: dict[Empty, list[str]] = {
        when: [column.name for column in output.figures if column.empty == when]
        for when in get_args(Empty)
    }
    withheld = empty.pop("withheld")
    alike = [names for names in empty.values() if names]
    apart = [f"({a} IS NULL) <> ({b} IS NULL)" for names in alike for a, b in _pairs(names)]
    for before, after in pairwise(alike):
        apart += [f"({a} IS NULL AND {b} IS NOT NULL)" for a, b in _pairs([before[0], after[0]])]
    if "patients" in empty["suppressed"] and empty["counted"] and empty["single"]:
        there, single = empty["counted"][0], empty["single"][0]
        apart.append(
            f"({_quoted(single)} IS NULL AND {_quoted(there)} IS NOT NULL AND patients > 1)"
        )
    apart += [f"{_quoted(name)} IS NOT NULL" for name in withheld]
    if apart:
        yield _row_rule("figures", " OR ".join(apart), "completeness")


def _bounds(column: OutputColumn) -> Iterator[Rule]:
    if column.bounds is not None:
        ends = (("<", column.bounds.least), (">", column.bounds.most))
        beyond = [f"{_quoted(column.name)} {sign} {end}" for sign, end in ends if end]
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
    return zip(map(_quoted, names[:-1]), map(_quoted, names[1:]), strict=True)


def _in_order(rule: str, names: Sequence[str]) -> Rule:
    """Return the rules that figures rise from one to the next, within rounding."""
    falls = [f"{low} - {high} > {_ROUNDED}" for low, high in _pairs(names)]
    return _row_rule(rule, " OR ".join(falls), "plausibility")


def _shares_add_up(whole: Sequence[str]) -> Rule:
    """Return the rule that shares of a whole make one, or less if some are withheld."""
    grouped = f" GROUP BY {', '.join(map(_quoted, whole))}" if whole else ""
    counted = "sum(share) AS s, count(*) AS n, count(share) AS k"
    sums = f"SELECT {counted} FROM primary{grouped}"  # noqa: S608 - of the contract's names, quoted
    wrong = f"s > 1 + n * {_ROUNDED} OR (n = k AND s < 1 - n * {_ROUNDED})"
    return Rule("shares", _no_group(sums, wrong), "plausibility")


def _margins_add_up(names: Sequence[str], filters: Collection[str]) -> Rule:
    """Return the rule that a margin's people are those of its parts, or more if any is withheld."""
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
    """Return a rule that no group meets the condition; it counts the groups that break it."""
    query = f"SELECT count(*) FROM ({groups}) WHERE {condition}"  # noqa: S608 - as above
    return f'CustomSql "{query}" = 0'


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


def _number(value: float) -> str:
    """Return a number without an exponent, which DQDL does not read."""
    return format(Decimal(str(value)), "f")


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _literal(value: str) -> str:
    """Return a text as an SQL literal, with quotes and backslashes escaped."""
    if _is_plain(value):
        return f"'{value}'"
    return f"decode(X'{value.encode().hex()}', 'UTF-8')"
