"""Reading a contract and reporting its mistakes.

A mistake is reported with the file, the path inside it, what was found and what is allowed. All
mistakes of one reading are reported together, up to a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from medical_charges.contract.model import Contract
from medical_charges.contract.rules import contradictions
from medical_charges.contract.rules.problem import Problem, shortened, show
from medical_charges.errors import ContractError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


_PROBLEMS_NAMED = 50


def load_contract(path: str | Path) -> Contract:
    """Read the contract in the file at `path`.

    Raises:
        ContractError: the file is missing, is not YAML, or contradicts itself or the schema.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ContractError(f"{path}: cannot be read as a contract: {reason}") from error
    return parse_contract(text, origin=str(path))


def parse_contract(text: str, origin: str = "contract") -> Contract:
    """Read a contract from YAML text; `origin` names it in messages.

    Raises:
        ContractError: the text is not YAML, or contradicts itself or the schema.
    """
    try:
        # YAML 1.2: a bare yes or no is text, and a key that stands twice is an error.
        raw = YAML(typ="safe", pure=True).load(text)
    except RecursionError as error:
        raise ContractError(
            f"{origin}: not a YAML file: lists or mappings nested too deep"
        ) from error
    except (YAMLError, ValueError, LookupError, TypeError) as error:
        # A date like 2020-13-45 and a wrong `!!bool` are no YAMLError.
        raise ContractError(f"{origin}: not a YAML file: {_one_line(error)}") from error
    if not isinstance(raw, dict):
        raise ContractError(f"{origin}: found {show(raw)}; allowed: {Contract.allowed_keys()}")
    try:
        contract = Contract.model_validate(raw)
    except ValidationError as error:
        problems = list(_problems(error, raw))
    else:
        problems = list(contradictions(contract))
    if problems:
        lines = [f"{origin}: {problem}" for problem in problems[:_PROBLEMS_NAMED]]
        if (others := len(problems) - len(lines)) > 0:
            lines.append(f"{origin}: and {others:,} more mistakes")
        raise ContractError("\n".join(lines))
    return contract


def _one_line(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(str(error).split())


def _problems(error: ValidationError, raw: object) -> Iterator[Problem]:
    """Yield the findings of pydantic by place: a union has one for each type that it tried."""
    places: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and detail["input"]:
            continue  # its entries are there, and are reported by themselves
        places.setdefault(_path(detail, raw), []).append(detail)
    for path, details in places.items():
        found = _FOUND.get(details[0]["type"], show(details[0]["input"]))
        yield Problem(path, found, " or ".join(map(_allowed, details)))


def _path(detail: ErrorDetails, raw: object) -> str:
    """Return the path as in the YAML: pydantic also names the types that it tried."""
    path, value = "", raw
    for place, step in enumerate(detail["loc"], start=1):
        if isinstance(value, list) and isinstance(step, int):
            # A missing entry is behind the last one.
            path, value = f"{path}[{step}]", value[step] if step < len(value) else None
        elif isinstance(value, dict) and step in value:
            path, value = f"{path}.{step}", value[step]
        elif detail["type"] in _FOUND and place == len(detail["loc"]):
            path = f"{path}.{step}"
    return shortened(path.lstrip("."))


def _allowed(detail: ErrorDetails) -> str:
    if detail["type"] in _ALLOWED:
        return _ALLOWED[detail["type"]].format(**detail.get("ctx", {}))
    return detail["msg"].removeprefix("Input should be ")


_FOUND = {"missing": "nothing", "unknown_key": "an unknown key"}
"""Findings about a key, which pydantic gives with the mapping or the key as their input."""

_ALLOWED = {
    "missing": "a value is required here",
    "unknown_key": "{allowed}",
    "union_tag_not_found": "the key type: 'integer', 'double', 'date', 'string'",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "at least one entry",
    "too_long": "{max_length} entries",
    "tuple_type": "a list",
    **dict.fromkeys(
        ("mapping_type", "dict_type", "model_type", "model_attributes_type"), "a mapping"
    ),
}
"""Words for what pydantic says in terms of Python."""
