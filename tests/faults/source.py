"""A mistake in the code: one expression of a function changed for another, for a while."""

from __future__ import annotations
import __future__

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PACKAGE = "medical_charges"


@contextmanager
def changed(where: str, old: str, new: str) -> Iterator[None]:
    """Change a function's source.

    Args:
        where: `module:function` or `module:Class.method`, the module within the library.
        old: what stands there, once or more.
        new: what stands there instead.
    """
    module_name, _, path = where.partition(":")
    module = importlib.import_module(f"{PACKAGE}.{module_name}")
    *classes, name = path.split(".")
    owner: Any = module
    for part in classes:
        owner = getattr(owner, part)
    original = inspect.getattr_static(owner, name)
    function = _changed(module, original, name, old, new)
    # Other modules have imported it by its name.
    places = [(owner, name)] if classes else list(_names_of(original))
    for place, attribute in places:
        setattr(place, attribute, function)
    try:
        yield
    finally:
        for place, attribute in places:
            setattr(place, attribute, original)


def _changed(module: ModuleType, original: Any, name: str, old: str, new: str) -> Any:
    source = textwrap.dedent(inspect.getsource(original))
    if old not in source:
        raise LookupError(f"{module.__name__}.{name} does not hold {old!r}")
    flags = __future__.annotations.compiler_flag
    code = compile(source.replace(old, new), f"<{name} with a mistake>", "exec", flags)
    found: dict[str, Any] = {}
    exec(code, module.__dict__, found)  # noqa: S102 - the library's own source
    return found[name]


def _names_of(function: Any) -> Iterator[tuple[ModuleType, str]]:
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").partition(".")[0] == PACKAGE:
            for name, value in list(vars(module).items()):
                if value is function:
                    yield module, name
