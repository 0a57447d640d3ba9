"""The Glue Data Quality rules that are derived from a contract, and their evaluation."""

from medical_charges.validation.dqdl.checks import (
    answers_to,
    checks_of,
    output_checks,
    rule_checks,
)
from medical_charges.validation.dqdl.evaluate import (
    WITHOUT_EVALUATOR,
    Evaluator,
    NoEvaluatorError,
    evaluator_of,
)
from medical_charges.validation.dqdl.rules import (
    Rule,
    Ruleset,
    input_rules,
    output_rules,
    rulesets,
    rulesets_text,
)

__all__ = [
    "WITHOUT_EVALUATOR",
    "Evaluator",
    "NoEvaluatorError",
    "Rule",
    "Ruleset",
    "answers_to",
    "checks_of",
    "evaluator_of",
    "input_rules",
    "output_checks",
    "output_rules",
    "rule_checks",
    "rulesets",
    "rulesets_text",
]
