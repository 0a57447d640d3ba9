"""JSONata: moto parses it and leaves the evaluation to a JVM that it does not have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jsonata import Jsonata
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from local_aws.patches.hooks import define

if TYPE_CHECKING:
    from collections.abc import Mapping


def evaluate_expressions() -> None:
    """No expression is ever evaluated."""

    @define(moto_jsonata, "_eval_jsonata")
    def evaluate(expression: str) -> Any:
        try:
            result = Jsonata(expression).evaluate(None)
        except Exception as error:
            raise moto_jsonata.JSONataException(
                "States.QueryEvaluationError", str(error)
            ) from error
        # Its lists and numbers are subclasses of its own; only plain JSON goes on.
        return json.loads(json.dumps(result, default=str))


def escape_bindings() -> None:
    """A string with a quote or a backslash in it breaks the expression that it is bound in."""

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
}
