"""EventBridge: rules reach their targets as on AWS."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jsonpath_ng.ext.parser import parse as parse_path
from moto.awslambda.models import lambda_backends
from moto.awslambda.utils import split_function_arn
from moto.events.models import Rule, events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.responses import get_backend

from local_aws.gate import access, actors, needs
from local_aws.gate.errors import RefusedError
from local_aws.patches.hooks import in_background, log, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local_aws.gate.iam import Call

    Deliver = Callable[[str, str], None]

_ATTEMPTS = 2
_SERVICE = "events.amazonaws.com"


def emit(
    *,
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str] = (),
) -> None:
    """Send an event of an AWS service through the default bus."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": dict(detail),
    }
    for rule in list(events_backends[account][region].event_buses["default"].rules.values()):
        try:
            rule.send_to_targets(event)  # type: ignore[arg-type]
        except Exception:
            # One rule's mistake is no other's, and never the emitting service's.
            log.exception("rule %s", rule.name)


def _start_execution(arn: str, event: str) -> None:
    _, _, _, region, account, *_ = arn.split(":")
    get_backend(account, region).start_execution(arn, f"{uuid.uuid4()}_{uuid.uuid4()}"[:80], event)


def _invoke(arn: str, event: str) -> None:
    found = split_function_arn(arn) if arn.count(":") == 7 else None
    _, _, _, region, account, _, name, *_ = arn.split(":")
    lambda_backends[account][region].invoke(
        name,
        found.version if found else None,
        event,
        {"x-amz-invocation-type": "Event"},
        {},
    )


def _publish(arn: str, event: str) -> None:
    _, _, _, region, account, _ = arn.split(":")
    sns_backends[account][region].publish(arn=arn, message=event)


def _send(arn: str, event: str, attributes: Mapping[str, str] | None = None) -> None:
    _, _, _, region, account, name = arn.split(":")
    sqs_backends[account][region].send_message(
        queue_name=name,
        message_body=event,
        message_attributes={
            key: {"DataType": "String", "StringValue": value}
            for key, value in (attributes or {}).items()
        },
    )


_TARGETS: dict[str, Deliver] = {
    "states": _start_execution,
    "lambda": _invoke,
    "sns": _publish,
    "sqs": _send,
}


def reach_targets() -> None:
    """Deliver events to state machines, functions and topics.

    moto does not know these targets, drops dead letters and a target's own input, and fires
    disabled rules and rules that only have a schedule.
    """

    @wrap(Rule, "send_to_targets")
    def send_to_targets(original: Any, rule: Any, event: Any, transform_input: bool = True) -> None:
        has_pattern = bool(rule.event_pattern.get_pattern())
        if rule.state == "DISABLED" or not (
            has_pattern and rule.event_pattern.matches_event(event)
        ):
            return
        event = event | {"time": _moment(event["time"])}
        event.pop("ingestion-time", None)
        others = []
        for target in list(rule.targets):
            service = target["Arn"].split(":")[2]
            if service in _TARGETS and "SqsParameters" not in target:
                _deliver(rule.arn, target, _TARGETS[service], event)
            else:
                others.append(target)
        if others:
            elsewhere = Rule.__new__(Rule)
            elsewhere.__dict__ = {**rule.__dict__, "targets": others}
            original(elsewhere, event, transform_input)


def _deliver(rule: str, target: Mapping[str, Any], deliver: Deliver, event: Any) -> None:
    message = _input(target, event, rule)

    def work() -> None:
        failure: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                _check(rule, target)
                return deliver(target["Arn"], message)
            except Exception as error:
                failure = error
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        log.warning("%s did not reach %s: %s", rule, target["Arn"], failure)
        if queue:
            attributes = {
                "RULE_ARN": rule,
                "TARGET_ARN": target["Arn"],
                "ERROR_CODE": _error_code(failure),
                "ERROR_MESSAGE": str(failure) or "no message",
            }
            access.check_service(_SERVICE, rule, _needs(queue))
            _send(queue, message, attributes)
        return None

    in_background(work, f"delivery to {target['Arn']}")


def _error_code(failure: Exception | None) -> str:
    return "NO_PERMISSIONS" if isinstance(failure, RefusedError) else type(failure).__name__


def _needs(target: str) -> list[Call]:
    """Return what an event needs to reach a target."""
    match target.split(":")[2]:
        case "states":
            return needs.of("states:StartExecution", {"stateMachineArn": target})
        case "lambda":
            return needs.of("lambda:Invoke", {"FunctionName": target})
        case "sns":
            return needs.of("sns:Publish", {"TopicArn": target})
        case _:
            return needs.of("sqs:SendMessage", {"QueueUrl": target.replace(":", "/")})


def _check(rule: str, target: Mapping[str, Any]) -> None:
    """Check that a rule may call its target: by the target's role, or by the policy of what it is.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    if "RoleArn" in target:
        actor = actors.assume(target["RoleArn"], _SERVICE, "events", source=rule)
        access.check(actor, _needs(target["Arn"]))
    else:
        access.check_service(_SERVICE, rule, _needs(target["Arn"]))


def _input(target: Mapping[str, Any], event: Any, rule: str) -> str:
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event))
    if "InputTransformer" not in target:
        return json.dumps(event)
    transformer = target["InputTransformer"]
    values = {
        "aws.events.rule-arn": rule,
        "aws.events.rule-name": rule.rpartition("/")[2],
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
    } | {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    return _fill(transformer["InputTemplate"], values)


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace <name> by values: as JSON, but bare within a string."""

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in values:
            return match[0]
        value = values[name]
        inside = template[: match.start()].replace('\\"', "").count('"') % 2 == 1
        if not inside:
            return json.dumps(value)
        text = value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    return re.sub(r"<(?P<name>[\w.-]+)>", value_of, template)


def _at(path: str, event: Any) -> Any:
    found = parse_path(path).find(event)
    return found[0].value if found else None


def _moment(time: Any) -> str:
    if isinstance(time, str) and not time.replace(".", "").isdigit():
        return time
    return datetime.fromtimestamp(float(time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


PATCHES = {"events: reach targets": reach_targets}
