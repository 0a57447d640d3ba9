"""The rules of several outputs, evaluated together.

An evaluation costs a second or more however small the table is, because it plans several queries.
So outputs are put below one another in one frame, and a few rules say that no row and no group of
any of them breaks its rules. Which rule is broken, and by how many rows, is found by evaluating
the rules of a suspect alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from medical_charges.contract import Contract
from medical_charges.validation.dqdl.evaluate import Evaluator, rule_key
from medical_charges.validation.dqdl.rules import (
    Groups,
    Ruleset,
    literal,
    no_group,
    quoted,
    ruleset_text,
    sums,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from medical_charges.validation import Frames


def suspects(
    rulesets: Mapping[str, Ruleset], frames: Frames, session: SparkSession, evaluator: Evaluator
) -> set[str]:
    """Return the outputs of which a rule may be broken; of all others every rule holds."""
    found = set[str]()
    for names in _stackable(frames.contract, rulesets):
        found |= _suspects({name: rulesets[name] for name in names}, frames, session, evaluator)
    return found


def _stackable(contract: Contract, names: Iterable[str]) -> list[list[str]]:
    """Return outputs in lists whose columns of the same name have the same type.

    Spark does not tell capitals apart in names.
    """
    lists = list[tuple[list[str], dict[str, tuple[str, str]]]]()
    for name in names:
        columns = contract.outputs[name].columns
        own: dict[str, tuple[str, str]] = {
            column.name.casefold(): (column.name, column.type) for column in columns
        }
        for members, known in lists:
            if all(known.get(folded, column) == column for folded, column in own.items()):
                members.append(name)
                known.update(own)
                break
        else:
            lists.append(([name], own))
    return [members for members, _ in lists]


def _suspects(
    rulesets: Mapping[str, Ruleset], frames: Frames, session: SparkSession, evaluator: Evaluator
) -> set[str]:
    columns = {
        column.name: None for name in rulesets for column in frames.contract.outputs[name].columns
    }
    output = _free("output", columns)
    rows = {
        f'RowCount = 0 where "{quoted(output)} = {literal(name)} AND ({_any(conditions)})"': name
        for name, ruleset in rulesets.items()
        if (conditions := [rule.broken_where for rule in ruleset.rules if rule.broken_where])
    }
    others = [
        f"ColumnCount = {len(columns) + 1}",
        *(f'ColumnExists "{name}"' for name in columns),
        _no_group(rulesets, output),
    ]
    frame = frames.stacked(list(rulesets), output, session).persist()
    try:
        answers = evaluator.answers(frame, ruleset_text([*rows, *others]))
    except Exception:
        # Evaluated alone, each output says what is wrong with it.
        return set(rulesets)
    finally:
        frame.unpersist()
    passed = {rule_key(answer.rule) for answer in answers if answer.outcome == "Passed"}
    if not passed.issuperset(map(rule_key, others)):
        return set(rulesets)
    return {name for rule, name in rows.items() if rule_key(rule) not in passed}


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that no column has, in any capitals."""
    folded = {column.casefold() for column in taken}
    while name in folded:
        name += "_"
    return name


def _any(conditions: Sequence[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)


def _no_group(rulesets: Mapping[str, Ruleset], output: str) -> str:
    """Return the rule that no group of any output meets its condition, which takes one pass."""
    groups = {
        (name, f"{name} {number}"): group
        for name, ruleset in rulesets.items()
        for number, group in enumerate(g for rule in ruleset.rules for g in rule.groups)
    }
    members = "".join(
        f" WHEN {literal(name)} THEN array({', '.join(_members(groups, name))})"
        for name in rulesets
    )
    wrong = "".join(
        f" WHEN {literal(test)} THEN {group.wrong}" for (_, test), group in groups.items()
    )
    each = f"SELECT inline(CASE {quoted(output)}{members} END) FROM primary"  # noqa: S608 - of the contract's names, quoted
    summed = sums(Groups((), "", added="added", counted="counted", whole="whole"))
    query = f"SELECT key, {summed} FROM ({each}) GROUP BY key"  # noqa: S608 - as above
    return no_group(query, f"CASE key[0]{wrong} END")


def _members(groups: Mapping[tuple[str, str], Groups], output: str) -> Iterator[str]:
    """Yield SQL of what a row of an output adds to each of its groups."""
    for (name, test), group in groups.items():
        if name == output:
            texts = (f"CAST({quoted(column)} AS STRING)" for column in group.by)
            yield (
                f"struct(array({', '.join((literal(test), *texts))}) AS key, "
                f"CAST({group.whole} AS DOUBLE) AS whole, CAST({group.added} AS DOUBLE) AS added, "
                f"CAST({group.counted} AS INT) AS counted)"
            )
