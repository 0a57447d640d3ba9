"""The constraints that a service's model puts on parameters.

A client checks only that what is required is there, its type and its least size. A service also
refuses what is too large, what is no member of an enumeration and what does not fit a pattern.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from local_aws.gate.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moto.core.model import OperationModel

# How services name the error of a constraint. The others call it ValidationException.
_CODES = {
    "ec2": "InvalidParameterValue",
    "query": "ValidationError",
    "rest-xml": "InvalidArgument",
}
_SIZED = frozenset({"string", "list", "map", "blob"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})


def check(operation: OperationModel, parameters: dict[str, Any]) -> None:
    """Check the parameters of an operation.

    Raises:
        RefusedError: they violate the model.
    """
    shape = operation.input_shape
    found = list(_violations(shape, parameters, "")) if shape else []
    if found:
        many = "error" if len(found) == 1 else "errors"
        raise RefusedError(
            _CODES.get(operation.service_model.protocol, "ValidationException"),
            f"{len(found)} validation {many} detected: {'; '.join(found)}",
        )


def _violations(shape: Any, value: Any, place: str) -> Iterator[str]:
    """Return the sentences with which a service tells what is wrong."""
    if shape.type_name == "structure":
        yield from _of_structure(shape, value, place)
    else:
        for rule in (*_size(shape, value), *_text(shape.metadata, value)):
            yield _sentence(f"'{value}'", place, rule)
    if shape.type_name == "list":
        for number, each in enumerate(value, 1):
            yield from _violations(shape.member, each, f"{place}.{number}.member")
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from _violations(shape.key, key, place)
            yield from _violations(shape.value, each, f"{place}.{key}.member")


def _sentence(value: str, place: str, rule: str) -> str:
    return f"Value {value} at '{place}' failed to satisfy constraint: Member must {rule}"


def _of_structure(shape: Any, value: Any, place: str) -> Iterator[str]:
    if getattr(shape, "is_document_type", False):
        return
    for name in shape.metadata.get("required", ()):
        if value.get(name) is None:
            yield _sentence("null", _at(place, name), "not be null")
    for name, each in value.items():
        if each is not None:
            yield from _violations(shape.members[name], each, _at(place, name))


def _at(place: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{place}.{name}" if place else name


def _size(shape: Any, value: Any) -> Iterator[str]:
    rules = shape.metadata
    if shape.type_name in _SIZED:
        noun, size = "length", len(value) if "min" in rules or "max" in rules else 0
    elif shape.type_name in _NUMBERS:
        noun, size = "value", value
    else:
        return
    if "min" in rules and size < rules["min"]:
        yield f"have {noun} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"have {noun} less than or equal to {rules['max']}"


def _text(rules: Mapping[str, Any], value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        return
    if (names := rules.get("enum")) and value not in names:
        yield f"satisfy enum value set: [{', '.join(names)}]"
    text = rules.get("pattern")
    if text and (pattern := _pattern(text)) and not pattern.fullmatch(value):
        yield f"satisfy regular expression pattern: {text}"


# Java names classes of characters, and writes what is beyond 16 bits as two.
_JAVA = {r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF", r"\p{ASCII}": r"[\x00-\x7F]"}


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    """Compile a pattern; None if Python cannot say it, as a class of Unicode."""
    for java, python in _JAVA.items():
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None
