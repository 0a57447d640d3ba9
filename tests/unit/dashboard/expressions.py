"""The types of expressions of calculated fields: text, number or truth value.

QuickSight refuses an expression with wrong types only when the dashboard is created. This type
checker knows the part of the language that the dashboards use.

https://docs.aws.amazon.com/quicksight/latest/user/calculated-field-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import zip_longest
from typing import Literal

Type = Literal["text", "number", "truth", "nothing"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'[^']*'|"[^"]*")
        | \$\{(?P<parameter>[^}]+)\}
        | \{(?P<column>[^}]+)\}
        | (?P<number>\d+(?:\.\d+)?)
        | (?P<word>\w+)
        | (?P<sign><>|[-+*/=(),<\[\]])
    )""",
    re.VERBOSE,
)
_OPERATORS: tuple[tuple[Collection[str], Type | None, Type], ...] = (
    ({"OR"}, "truth", "truth"),
    ({"AND"}, "truth", "truth"),
    ({"=", "<>"}, None, "truth"),
    ({"<"}, "number", "truth"),
    ({"+", "-"}, "number", "number"),
    ({"*", "/"}, "number", "number"),
)
"""From the loosest to the tightest: the signs, what they take (None: alike), what they give."""

_FUNCTIONS: Mapping[str, tuple[Type | None, Type]] = {
    "concat": ("text", "text"),
    "parseInt": ("text", "number"),
    "parseDecimal": ("text", "number"),
    "toString": ("number", "text"),
    "max": ("number", "number"),
    "maxOver": ("number", "number"),
    "sqrt": ("number", "number"),
    "isNull": (None, "truth"),
}
"""Functions whose arguments are all of one type (None: of any), and what they give."""

_MIXED: Mapping[str, tuple[tuple[Type, ...], Type]] = {
    "contains": (("text", "text"), "truth"),
    "left": (("text", "number"), "text"),
    "round": (("number", "number"), "number"),
}
"""Functions with an argument each of these types, and what they give."""


class ExpressionError(ValueError):
    """An expression that QuickSight would refuse, and why."""


def type_of(expression: str, columns: Mapping[str, Type], parameters: Collection[str]) -> Type:
    """Return the type of an expression over these columns. Parameters are texts.

    Raises:
        ExpressionError: if it refers to what is not there, or its types do not fit.
    """
    reader = _Reader(expression, columns, parameters)
    found = reader.operation()
    reader.take("end")
    return found


class _Reader:
    """A descent along the expression."""

    def __init__(
        self, expression: str, columns: Mapping[str, Type], parameters: Collection[str]
    ) -> None:
        self._columns, self._parameters = columns, parameters
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(expression.rstrip()):
            match = _TOKEN.match(expression, place)
            if match is None or match.lastgroup is None:
                raise ExpressionError(f"has something else at {expression[place:]!r}")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()
        self._tokens.append(("end", "its end"))

    def take(self, *expected: str) -> str:
        """The next token, which must be of one of these kinds, or one of these signs."""
        kind, value = self._tokens.pop(0)
        if kind not in expected and value not in expected:
            raise ExpressionError(f"has {value} in place of {' or '.join(expected)}")
        return value

    def operation(self, level: int = 0) -> Type:
        """Operands of an operator, or whatever binds tighter."""
        if level == len(_OPERATORS):
            return self._operand()
        signs, taken, given = _OPERATORS[level]
        found = self.operation(level + 1)
        while self._tokens[0][1] in signs and self._tokens[0][0] in {"sign", "word"}:
            sign = self.take("sign", "word")
            other = self.operation(level + 1)
            _same(taken or found, found, sign)
            _same(taken or found, other, sign)
            found = given
        return found

    def _operand(self) -> Type:
        kind = self._tokens[0][0]
        value = self.take("text", "number", "column", "parameter", "word", "(")
        if kind == "column":
            if value not in self._columns:
                raise ExpressionError(f"reads {value}, which is no column of it")
            return self._columns[value]
        if kind == "parameter":
            if value not in self._parameters:
                raise ExpressionError(f"uses the parameter {value}, which is not declared")
            return "text"
        if kind == "sign":
            found = self.operation()
            self.take(")")
            return found
        if kind == "word":
            return "nothing" if value == "NULL" else self._call(value)
        return "text" if kind == "text" else "number"

    def _call(self, name: str) -> Type:
        self.take("(")
        given = [self.operation()]
        if name == "maxOver":
            # Over everything, before visuals add up, or before filters leave rows out.
            for token in (",", "[", "]", ","):
                self.take(token)
            if self.take("word") not in {"PRE_AGG", "PRE_FILTER"}:
                raise ExpressionError(f"has no level that {name} knows")
        while self.take(",", ")") == ",":
            given.append(self.operation())
        if name == "switch":
            condition, *cases, otherwise = given
            for label in cases[::2]:
                _same(condition, label, name)
            return _alike([*cases[1::2], otherwise], name)
        if name == "ifelse":
            *cases, otherwise = given
            for condition in cases[::2]:
                _same("truth", condition, name)
            return _alike([*cases[1::2], otherwise], name)
        return _given(name, given)


def _given(name: str, arguments: list[Type]) -> Type:
    """The type that a function of these arguments gives."""
    if name in _MIXED:
        wanted, gives = _MIXED[name]
        for one, other in zip_longest(wanted, arguments):
            _same(one, other, name)
        return gives
    if name not in _FUNCTIONS:
        raise ExpressionError(f"calls {name}, which is not known here")
    taken, gives = _FUNCTIONS[name]
    for one in arguments if taken else ():
        _same(taken, one, name)
    return gives


def _alike(results: list[Type], name: str) -> Type:
    """The type that all results have, those that are nothing apart."""
    some = [result for result in results if result != "nothing"]
    for result in some:
        _same(some[0], result, name)
    return some[0] if some else "nothing"


def _same(wanted: Type | None, found: Type | None, where: str) -> None:
    if found != wanted:
        raise ExpressionError(f"gives {where} a {found} in place of a {wanted}")
