"""JSONata: evaluated here, because moto leaves it to a JVM that it does not have."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from jsonata import Jsonata
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.intrinsic import jsonata as intrinsic
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from local_aws.patches.hooks import define, event_details, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

_MADE_HERE = ("$uuid", "$hash")


def evaluate_expressions() -> None:
    """Evaluate expressions, and let states catch their errors."""

    @define(moto_jsonata, "_eval_jsonata")
    def evaluate(expression: str) -> Any:
        try:
            parsed = Jsonata(expression)
            parsed.register_lambda("uuid", _uuid)
            parsed.register_lambda("hash", _hash)
            result = parsed.evaluate(None)
        except Exception as error:
            raise moto_jsonata.JSONataException("JSONata", str(error)) from error
        # Its lists and numbers are subclasses of its own; only plain JSON goes on.
        return json.loads(json.dumps(result, default=str))

    @wrap(StringJSONata, "_eval_body")
    def evaluate_string(original: Any, string: Any, env: Any) -> None:
        try:
            original(string, env)
        except moto_jsonata.JSONataException as error:
            name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
            details = EvaluationFailedEventDetails(
                error=name.error_name,
                cause=f"The JSONata expression '{string.expression}' failed: {error.details}",
            )
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=name,
                    event_type=HistoryEventType.EvaluationFailed,
                    event_details=event_details(evaluationFailedEventDetails=details),
                )
            ) from error


def _uuid() -> str:
    return str(uuid.uuid4())


def _hash(text: str, algorithm: str) -> str:
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def make_names_and_digests() -> None:
    """Add $uuid and $hash, which moto does not support."""
    for name in _MADE_HERE:
        intrinsic._DECLARATION_BY_VARIABLE_REFERENCE.pop(name)  # noqa: SLF001


def escape_bindings() -> None:
    """Escape quotes and backslashes of bound strings, which break expressions in moto."""

    def encode(bindings: Mapping[str, Any]) -> str:
        return "".join(
            f"{name}:={to_json_str(value, separators=(',', ':'))};"
            for name, value in bindings.items()
        )

    for module in (moto_jsonata, states, variable_store):
        define(module, "encode_jsonata_variable_declarations")(encode)


PATCHES = {
    "jsonata: evaluate expressions": evaluate_expressions,
    "jsonata: escape bindings": escape_bindings,
    "jsonata: make names and digests": make_names_and_digests,
}
