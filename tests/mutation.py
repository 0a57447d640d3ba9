"""A mutant: one place in a function's syntax tree changed, for a while.

A change is written as code and matched as a tree, so comments, layout and the module in which a
function stands do not matter. A name such as `_` or `_1` in it stands for any expression. What
does not match at exactly one place is an error: the table then no longer says what it did.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

_ANY = re.compile(r"_[0-9]*")

Found = MutableMapping[str, ast.AST]

Change = Callable[[list[ast.stmt]], None]
"""Changes a function's body in place."""


class MutationError(Exception):
    """A change does not fit the function that it is meant for."""


@dataclass(frozen=True)
class Replacement:
    """A pattern in a function, and its replacement."""

    old: str
    new: str | None = None
    """Nothing if the statement, operand, element or condition is to be dropped."""

    def __call__(self, body: list[ast.stmt]) -> None:
        """Make the change at its one place.

        Raises:
            MutationError: there is no such place, or more than one.
        """
        pattern = _parsed(self.old)
        places = [
            (siblings, at, found)
            for siblings, at, node in _places(body)
            if self.new is not None or isinstance(at, int)
            for found in [dict[str, ast.AST]()]
            if _matches(pattern, _bare(node) if self.new is None else node, found)
        ]
        if len(places) != 1:
            raise MutationError(f"{self.old!r} is there {len(places)} times instead of once")
        [(siblings, at, found)] = places
        if isinstance(at, int):
            siblings[at : at + 1] = [] if self.new is None else _filled(self.new, found)
        else:
            [node] = _filled(str(self.new), found)
            setattr(siblings, at, node)


def replaced(old: str, new: str) -> Replacement:
    """One expression or statement for another."""
    return Replacement(old, new)


def dropped(old: str) -> Replacement:
    """Nothing for a statement, an operand of `and` or `or`, an element, argument or condition."""
    return Replacement(old)


def negated(old: str) -> Replacement:
    """A condition for its contrary."""
    return Replacement(old, f"not ({old})")


def swapped(old: str) -> Replacement:
    """The operands of an operator the other way round."""
    node = _parsed(old)
    if not isinstance(node, ast.BinOp):
        raise MutationError(f"{old!r} has no two operands")
    return Replacement(old, ast.unparse(ast.BinOp(node.right, node.op, node.left)))


def preceded(by: str) -> Change:
    """A statement at the function's start."""
    return lambda body: body.__setitem__(slice(0, 0), ast.parse(by).body)


@contextmanager
def mutated(target: object, change: Change) -> Iterator[None]:
    """Change a function, wherever it has been imported to: it gets other code.

    Raises:
        MutationError: the change does not fit it.
    """
    function = _function(target)
    original, changed = function.__code__, _changed(function, change)
    try:
        function.__code__ = changed
        _forget(target)
        yield
    finally:
        function.__code__ = original
        _forget(target)


def _changed(function: FunctionType, change: Change) -> CodeType:
    where = f"{function.__module__}.{function.__qualname__}"
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef), where
    try:
        change(definition.body)
    except MutationError as error:
        raise MutationError(f"{where}: {error}") from None
    definition.decorator_list = []
    module = _Tidied().visit(ast.Module([definition], []))
    flags = __future__.annotations.compiler_flag
    code = compile(ast.fix_missing_locations(module), f"<{where} with a mutant>", "exec", flags)
    codes = (const for const in code.co_consts if isinstance(const, CodeType))
    return next(found for found in codes if found.co_name == function.__name__)


def _function(target: Any) -> FunctionType:
    """The function behind a property, a method of a class or a decorator."""
    if isinstance(target, property):
        target = target.fget
    elif isinstance(target, cached_property):
        target = target.func
    found = inspect.unwrap(getattr(target, "__func__", target))
    if not isinstance(found, FunctionType):
        raise MutationError(f"{target!r} is not a function")
    return found


def _forget(target: object) -> None:
    """Empty the cache of a function that has one."""
    if (clear := getattr(target, "cache_clear", None)) is not None:
        clear()


class _Tidied(ast.NodeTransformer):
    """Makes a tree whole from which something was dropped."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.BoolOp) and len(node.values) == 1:
            return node.values[0]
        if isinstance(node, ast.stmt) and getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node


def _places(body: list[ast.stmt]) -> Iterator[tuple[Any, int | str, ast.AST]]:
    """Every node with where it stands: in which list or node, and at which index or field."""
    for parent in ast.walk(ast.Module(body, [])):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, list):
                yield from ((value, i, node) for i, node in enumerate(value))
            elif isinstance(value, ast.AST):
                yield parent, field, value


def _parsed(text: str) -> ast.AST:
    [node] = ast.parse(text).body
    return _bare(node)


def _bare(node: ast.AST) -> ast.AST:
    return node.value if isinstance(node, ast.Expr) else node


def _filled(text: str, found: Found) -> Sequence[ast.AST]:
    class Filling(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return found.get(node.id, node)

    return [_bare(Filling().visit(node)) for node in ast.parse(text).body]


def _matches(pattern: Any, node: Any, found: Found) -> bool:
    if isinstance(pattern, ast.Name) and _ANY.fullmatch(pattern.id) and isinstance(node, ast.expr):
        return ast.dump(found.setdefault(pattern.id, node)) == ast.dump(node)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.AST):
        return all(
            _matches(getattr(pattern, field, None), getattr(node, field, None), found)
            for field in pattern._fields
        )
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(
            _matches(*pair, found) for pair in zip(pattern, node, strict=True)
        )
    return bool(pattern == node)
