"""Reading a contract and reporting its mistakes.

A mistake is reported with the file, the path inside it, what was found and what is allowed. All
mistakes of one reading are reported together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from medical_charges.contract.model import Contract
from medical_charges.contract.rules import Problem, contradictions, kind_of, show
from medical_charges.errors import ContractError


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
        raw = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A date like 2020-13-45, a number of 5,000 digits and endless nesting are no YAMLError.
        raise ContractError(f"{origin}: not a YAML file: {_one_line(error)}") from error
    if not isinstance(raw, dict):
        raise ContractError(f"{origin}: found {show(raw)}; allowed: {Contract.allowed_keys()}")
    try:
        contract = Contract.model_validate(raw)
    except ValidationError as error:
        problems = _most_exact([_problem(detail) for detail in error.errors()])
    else:
        problems = list(contradictions(contract))
    if problems:
        raise ContractError("\n".join(f"{origin}: {problem}" for problem in problems))
    return contract


class _UniqueKeyLoader(yaml.SafeLoader):
    """A YAML loader that refuses repeated keys, which YAML allows and a contract never needs."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.MarkedYAMLError(
                    problem="a key is a list or a mapping", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(str(error).split())


def _problem(detail: ErrorDetails) -> Problem:
    """Translate an error of pydantic's into a sentence about the contract."""
    kind, found = detail["type"], detail["input"]
    path = _path(detail["loc"])
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        tag = found.get("type", "nothing") if isinstance(found, Mapping) else found
        return Problem(f"{path}.type", show(tag), "'integer', 'double', 'string'")
    if kind == "string_type" or _is_group(detail["loc"]):
        bare = (
            "; YAML reads a bare yes or no as a truth: quote it" if isinstance(found, bool) else ""
        )
        number = " or a whole number" if _is_group(detail["loc"]) else ""
        return Problem(path, show(found), f"text{number}{bare}")
    if kind in _CONTAINERS:
        return Problem(path, show(found), _CONTAINERS[kind])
    if _is_number(detail["loc"]) and kind not in {"missing", "unknown_key"}:
        return Problem(path, show(found), "a finite number")
    return Problem(path, *_found_and_allowed(detail))


def _found_and_allowed(detail: ErrorDetails) -> tuple[str, str]:
    found, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "nothing", "a value is required here"
        case "unknown_key":
            return "an unknown key", context["allowed"]
        case "too_short":
            return f"an empty {kind_of(found)}", "at least one entry"
        case "too_long":
            return f"{len(found)} entries", f"{context['max_length']} entries"
        case "literal_error":
            return show(found), context["expected"].replace(" or ", ", ")
        case "string_pattern_mismatch":
            return show(found), f"text that matches {context['pattern']}"
        case _:
            return show(found), detail["msg"].replace("Input should be ", "")


_CONTAINERS = {
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
}


def _is_number(location: tuple[int | str, ...]) -> bool:
    """Return True if pydantic tried a union of int and float here; `top_code` has names there."""
    return location[-1] in {"constrained-int", "float"} and location[-2] != "top_code"


def _is_group(location: tuple[int | str, ...]) -> bool:
    """Return True if pydantic tried a union of text and int, as in comparisons and shares."""
    return location[-1] in {"str", "int"} and (
        isinstance(location[-2], int) or location[-2] == "group"
    )


def _path(location: tuple[int | str, ...]) -> str:
    """Return the path as in the YAML: pydantic also names the member of a union that it tried."""
    parts = list(location)
    if parts[-1] == "[key]":
        # A key that is not text has no place in a path: its mapping has.
        parts = parts[:-1] if isinstance(parts[-2], str) else parts[:-2]
    elif _is_number(location) or _is_group(location):
        parts.pop()
    if parts[:2] == ["source", "columns"]:
        del parts[3:4]  # the column's type
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")


def _most_exact(problems: list[Problem]) -> list[Problem]:
    """Return each problem once, without those that only follow from one further inside."""
    unique = list({problem.path: problem for problem in problems}.values())
    return [
        problem
        for problem in unique
        if not any(
            other.path.startswith((problem.path + ".", problem.path + "[")) for other in unique
        )
    ]
