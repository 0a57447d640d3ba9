"""Rules of custom rules in the language of Glue Data Quality."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medical_charges.contract.model import Contract
from medical_charges.contract.rules.problem import Problem, one_of, show

RULE_TYPES = (
    "ColumnCorrelation", "ColumnCount", "ColumnDataType", "ColumnExists", "ColumnLength",
    "ColumnNamesMatchPattern", "ColumnValues", "Completeness", "CustomSql", "DistinctValuesCount",
    "IsComplete", "IsPrimaryKey", "IsUnique", "Mean", "RowCount", "StandardDeviation", "Sum",
    "UniqueValueRatio", "Uniqueness",
)  # fmt: skip
"""Rule types of DQDL that Glue and the local evaluator interpret in the same way."""


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"[A-Za-z_]\w*")
_HISTORY = ("last", "index")


def rule_problems(contract: Contract) -> Iterator[Problem]:
    """Find rules of unknown outputs or types, and rules that two evaluators would read apart."""
    for name, own in contract.quality.rules.items():
        path = f"quality.rules.{name}"
        if own.output is not None and own.output not in contract.outputs:
            yield Problem(f"{path}.output", show(own.output), one_of(list(contract.outputs)))
        words = _WORD.findall(_QUOTED.sub("", own.rule))
        types = [word for word in words if word[0].isupper() and not word.isupper()]
        unknown = [word for word in types if word not in RULE_TYPES]
        if unknown or not types:
            found = unknown[0] if unknown else own.rule
            yield Problem(
                f"{path}.rule", show(found), f"rules of the types {one_of([*RULE_TYPES])}"
            )
        elif "threshold" in words:
            allowed = "a rule for all rows; `CustomSql` can count those that break it"
            yield Problem(f"{path}.rule", "a threshold", allowed)
        elif any(word in _HISTORY for word in words):
            yield Problem(f"{path}.rule", "what earlier runs gave", "numbers")
