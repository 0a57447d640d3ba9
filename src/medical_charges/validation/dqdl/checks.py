"""Checks of a run by a contract's Glue Data Quality rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from medical_charges.checks import Check, Outcome
from medical_charges.validation.dqdl.evaluate import (
    Answer,
    Evaluator,
    NoEvaluatorError,
    evaluator_of,
    rule_key,
)
from medical_charges.validation.dqdl.rules import (
    Rule,
    Ruleset,
    input_rules,
    output_rules,
    ruleset_text,
)
from medical_charges.validation.dqdl.together import suspects

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from medical_charges.validation import Frames

_VALUES = ("Minimum", "Maximum", "Mean", "Sum", "StandardDeviation", "CustomSQL")
"""Metrics that may be a single value, where a rule is about the measure."""

_REASON = 200

_NO_ROWS = "must contain at least one column"
"""What Glue's evaluator says of SQL that returns none of the table's columns."""


def rule_checks(frames: Frames) -> Iterator[Check]:
    """Check the rules of the input on the rows read again, and those of every output."""
    contract, spark = frames.contract, frames.session()
    of_input = input_rules(contract)
    outputs = {name: output_rules(contract, name) for name in frames.staged}
    try:
        evaluator = evaluator_of(spark)
    except NoEvaluatorError as error:
        for ruleset in (of_input, *outputs.values()):
            yield from not_applicable(ruleset, str(error))
        return
    if frames.objects:
        # What follows from the contract takes one pass, which is cheaper than to keep the rows.
        several = any(rule.own for rule in of_input.rules)
        accepted = frames.accepted
        with _held(accepted) if several else nullcontext():
            yield from checks_of(of_input, accepted, evaluator, contract.measure)
    else:
        yield from not_applicable(of_input, "no object of the input is new")
    yield from output_checks(outputs, frames, evaluator)


def output_checks(
    rulesets: Mapping[str, Ruleset], frames: Frames, evaluator: Evaluator
) -> Iterator[Check]:
    """Evaluate the rules of outputs: together those that follow from the contract, as they hold."""
    session, measure = evaluator.session(frames.session()), frames.contract.measure
    derived = {name: ruleset.part(own=False) for name, ruleset in rulesets.items()}
    stacked = {name: ruleset for name, ruleset in derived.items() if frames.rows(name)}
    held = stacked.keys() - suspects(stacked, frames, session, evaluator)
    for name, ruleset in rulesets.items():
        left = ruleset
        if name in held:
            yield from (_check(ruleset, rule, "pass") for rule in derived[name].rules)
            left = ruleset.part(own=True)
        if left.rules:
            yield from checks_of(left, frames.output(name, session), evaluator, measure)


@contextmanager
def _held(frame: DataFrame) -> Iterator[None]:
    """Cache a frame, so that it is computed once for all rules."""
    from pyspark import StorageLevel  # noqa: PLC0415 - without rules Spark is not needed

    frame.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield
    finally:
        frame.unpersist()


def checks_of(
    ruleset: Ruleset, frame: DataFrame, evaluator: Evaluator, measure: str
) -> Iterator[Check]:
    """Evaluate a ruleset.

    Args:
        ruleset: the rules.
        frame: the table that they are about.
        evaluator: evaluates them.
        measure: the column, and part of columns' names, whose values no report may hold.
    """
    rules = list(ruleset.rules)
    if frame.isEmpty():
        # For an empty frame only the row count has the same result with every evaluator.
        rules = [rule for rule in rules if rule.text.startswith("RowCount ")]
    answers = answers_to(rules, frame, evaluator)
    broken = [rule for rule in rules if _has_failed(answers[rule.name])]
    told = _told(broken, frame, evaluator, measure) if broken else {}
    for rule in ruleset.rules:
        if rule not in rules:
            yield _check(ruleset, rule, "not applicable", "there is no row")
        elif rule.name in told:
            yield _check(ruleset, rule, *told[rule.name])
        elif answers[rule.name].outcome == "Passed":
            yield _check(ruleset, rule, "pass")
        else:
            yield _check(ruleset, rule, "error", _reason(answers[rule.name].reason))


def _has_failed(answer: Answer) -> bool:
    """Return True if a rule was evaluated and does not hold."""
    measured = answer.metrics or answer.reason.startswith("Value: ")
    return answer.outcome == "Failed" and bool(measured)


def _check(ruleset: Ruleset, rule: Rule, outcome: Outcome, found: str = "") -> Check:
    name = f"{ruleset.name}: rule {rule.name}"
    return Check(name, rule.category, rule.severity, rule.text, outcome, found)


def not_applicable(ruleset: Ruleset, why: str) -> Iterator[Check]:
    """Return the checks of a ruleset that is not evaluated, with the reason."""
    for rule in ruleset.rules:
        yield _check(ruleset, rule, "not applicable", why)


def answers_to(rules: Iterable[Rule], frame: DataFrame, evaluator: Evaluator) -> dict[str, Answer]:
    """Return the answers by the rules' names."""
    try:
        found = evaluator.answers(frame, ruleset_text([rule.text for rule in rules]))
    except Exception:
        # One rule that cannot be parsed hides all results; evaluated alone, it hides none.
        found = []
    known = {rule_key(answer.rule): answer for answer in found}
    return {
        rule.name: known.get(rule_key(rule.text)) or _alone(rule, frame, evaluator)
        for rule in rules
    }


def _alone(rule: Rule, frame: DataFrame, evaluator: Evaluator) -> Answer:
    try:
        found = evaluator.answers(frame, ruleset_text([rule.text]))
    except Exception as error:
        return Answer(rule.text, "Error", str(error), {})
    if len(found) != 1:
        return Answer(rule.text, "Error", f"that is {len(found)} rules", {})
    return found[0]


def _told(
    broken: Sequence[Rule], frame: DataFrame, evaluator: Evaluator, measure: str
) -> dict[str, tuple[Outcome, str]]:
    """Return each rule's outcome, with the number of rows that break it, or what it measured."""
    conditions = {rule.name: rule.broken_where for rule in broken if rule.broken_where}
    counts = [f"count(CASE WHEN {where} THEN 1 END)" for where in conditions.values()]
    rows, *found = frame.selectExpr("count(1)", *counts).collect()[0]
    known = dict(zip(conditions, found, strict=True))
    told: dict[str, tuple[Outcome, str]] = {}
    for rule in broken:
        try:
            number = known[rule.name] if rule.name in known else _broken_by(rule, frame, evaluator)
        except Exception as error:
            told[rule.name] = "error", _reason(str(error))
            continue
        said = f"{number} of {rows} rows break it"
        shown = said if number else _measured(rule, rows, frame, evaluator, measure)
        told[rule.name] = "fail", shown
    return told


def _broken_by(rule: Rule, frame: DataFrame, evaluator: Evaluator) -> int:
    try:
        return evaluator.broken_by(frame, ruleset_text([rule.text]))
    except Exception as error:
        # The error is Java's or Spark's, by the evaluator's version: only its text is the same.
        if _NO_ROWS in str(error):
            return 0
        raise


def _measured(rule: Rule, rows: int, frame: DataFrame, evaluator: Evaluator, measure: str) -> str:
    """Return what was measured for a rule that is not about single rows."""
    # Evaluated alone: metrics of several rules of one type have the same name.
    metrics = _alone(rule, frame, evaluator).metrics.items()
    named = {name.rpartition(".")[2]: value for name, value in metrics}
    shown = [
        f"{name} is {value:.6g}"
        for name, value in named.items()
        if measure not in rule.text or name not in _VALUES
    ]
    return f"{', '.join(shown) or 'it does not hold'}, of {rows} rows"


def _reason(reason: str) -> str:
    first = next(iter(reason.splitlines()), "")
    # Quoted text may be the field on which the evaluator failed.
    unquoted = re.split("['\"]", first, maxsplit=1)[0].rstrip()
    return f"the rule could not be evaluated: {unquoted[:_REASON]}"
