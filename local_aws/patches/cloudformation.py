"""CloudFormation: stacks that fail as they do on AWS."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from moto.cloudformation.models import Stack

from local_aws.patches.hooks import log, wrap


def parse_json() -> None:
    """Parse JSON templates as JSON; moto parses them as YAML, which takes seconds."""
    original = Stack.parse_template

    def parse_template(template: Any) -> dict[str, Any]:
        with contextlib.suppress(ValueError, TypeError):
            parsed: dict[str, Any] = json.loads(template)
            return parsed
        return original(template)

    Stack.parse_template = staticmethod(parse_template)  # type: ignore[method-assign]


def fail_with_a_resource() -> None:
    """Roll back a stack whose resource fails.

    moto answers 500 and leaves half a stack; a client that waits for the stack never learns why.
    """

    @wrap(Stack, "create_resources")
    def create_resources(original: Any, stack: Any) -> None:
        try:
            original(stack)
        except Exception as error:
            log.warning("stack %s: %s", stack.name, error)
            _tell(stack, "CREATE_FAILED", error)
            # Those that were made go again.
            stack.resource_map.delete()
            stack.status = "ROLLBACK_COMPLETE"
            _tell(stack, "ROLLBACK_COMPLETE")

    @wrap(Stack, "update")
    def update(original: Any, stack: Any, *args: Any, **kwargs: Any) -> None:
        template = stack.template
        try:
            original(stack, *args, **kwargs)
        except Exception as error:
            log.warning("stack %s: %s", stack.name, error)
            _tell(stack, "UPDATE_FAILED", error)
            stack.template = template
            stack.status = "UPDATE_ROLLBACK_COMPLETE"
            _tell(stack, "UPDATE_ROLLBACK_COMPLETE")


def _tell(stack: Any, status: str, error: Exception | None = None) -> None:
    reason = None if error is None else str(getattr(error, "message", error))
    stack._add_stack_event(status, resource_status_reason=reason)  # noqa: SLF001


PATCHES = {
    "cloudformation: parse JSON": parse_json,
    "cloudformation: fail with a resource": fail_with_a_resource,
}
