"""Functions with which patches change the emulator, and shared state."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_aws.workers import Workers

log = logging.getLogger("local_aws")


class _Current:
    """The workers of the stack that this process serves."""

    workers: Workers | None = None


def serve_with(workers: Workers) -> None:
    """Set the workers that the patches use."""
    _Current.workers = workers


def workers() -> Workers:
    """Return the workers of the stack."""
    if _Current.workers is None:
        raise RuntimeError("no stack is being served")
    return _Current.workers


def wrap(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace `owner.name` by the decorated function, which gets the original first."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        original = getattr(owner, name)

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return function(original, *args, **kwargs)

        setattr(owner, name, replacement)
        return function

    return decorate


def define(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `owner.name`, or replace it without using the original."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(owner, name, function)
        return function

    return decorate


def event_details(**kinds: Any) -> Any:
    """Return the details of a history event; moto's type for them requires every kind at once."""
    return kinds


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    """Run a function in the background; its exceptions are logged."""

    def guarded() -> None:
        try:
            work()
        except Exception:
            log.exception("%s failed", name)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
