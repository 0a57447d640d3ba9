"""Attributes and answers that Terraform's AWS provider needs."""

from __future__ import annotations

import inspect
import json
from typing import Any

from flask import request
from moto.awslambda.models import LambdaFunction
from moto.budgets.responses import BudgetsResponse
from moto.core.responses import BaseResponse
from moto.ec2.exceptions import InvalidSecurityGroupRuleIdNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.glue.models import FakeConnection
from moto.s3.responses import S3Response

from local_aws.gate.errors import written
from local_aws.patches.hooks import define, log, wrap

_arguments_of_a_rule = inspect.signature(SecurityGroupRule.__init__)


def refuse_the_unknown() -> None:
    """Refuse unknown operations at once; moto answers 500, which clients retry for minutes."""

    @wrap(BaseResponse, "call_action")
    def call_action(original: Any, response: Any) -> Any:
        try:
            return original(response)
        except NotImplementedError as error:
            log.warning("%s: %s", response.service_name, error)
            return _refusal(response.service_name, f"{response.service_name}: {error}")


def _refusal(service: str, message: str) -> tuple[int, dict[str, str], str]:
    """Return an error in the service's protocol, so that a client can read the sentence."""
    form = request.mimetype == "application/x-www-form-urlencoded"
    protocol = "ec2" if service == "ec2" else "query" if form else "json"
    return 501, *written(service, protocol, "NotImplemented", message)


def describe_rules() -> None:
    """Keep the description of security group rules that name a group or a prefix list."""

    @wrap(SecurityGroupRule, "__init__")
    def initialize(original: Any, rule: Any, *args: Any, **kwargs: Any) -> None:
        original(rule, *args, **kwargs)
        given = _arguments_of_a_rule.bind(rule, *args, **kwargs).arguments
        rule.prefix_list_description = (given.get("prefix_list_id") or {}).get("Description")

    def description(rule: Any) -> str | None:
        # A later change of it is written to the range, whatever the rule names.
        found: str | None = (
            rule.ip_range.get("Description")
            or rule.source_group.get("Description")
            or rule.prefix_list_description
        )
        return found

    SecurityGroupRule.description = property(description)  # type: ignore[assignment, method-assign]


def miss_rules_by_name() -> None:
    """Answer the revocation of a missing rule with AWS's error.

    With moto's error, two ways of deleting a group's rules fail on each other.
    """
    for direction in ("ingress", "egress"):

        @wrap(SecurityGroupBackend, f"revoke_security_group_{direction}")
        def revoke(
            original: Any, backend: Any, *args: Any, security_rule_ids: Any = None, **kwargs: Any
        ) -> Any:
            for rule_id in security_rule_ids or []:
                groups = [g for groups in backend.groups.values() for g in groups.values()]
                if not any(group.get_rule(rule_id) for group in groups):
                    raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
            return original(backend, *args, security_rule_ids=security_rule_ids, **kwargs)


def type_connections() -> None:
    """Return the type of a Glue connection."""

    @wrap(FakeConnection, "as_dict")
    def as_dict(original: Any, connection: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {
            **original(connection, *args, **kwargs),
            "ConnectionType": connection.connection_input.get("ConnectionType"),
        }


def keep_dead_letters() -> None:
    """Keep the dead-letter configuration of functions."""

    @wrap(LambdaFunction, "__init__")
    def initialize(original: Any, function: Any, *args: Any, spec: Any, **kwargs: Any) -> None:
        original(function, *args, spec=spec, **kwargs)
        function.dead_letter_config = spec.get("DeadLetterConfig")

    @wrap(LambdaFunction, "update_configuration")
    def update_configuration(original: Any, function: Any, updates: Any) -> Any:
        if "DeadLetterConfig" in updates:
            function.dead_letter_config = updates["DeadLetterConfig"]
        if "KMSKeyArn" in updates:
            function.kms_key_arn = updates["KMSKeyArn"]
        original(function, updates)
        return function.get_configuration()

    @wrap(LambdaFunction, "get_configuration")
    def get_configuration(original: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        config = getattr(function, "dead_letter_config", None)
        answer = original(function, *args, **kwargs)
        return answer | ({"DeadLetterConfig": config} if config and config["TargetArn"] else {})


def tell_of_eventbridge() -> None:
    """Describe the EventBridge configuration of buckets."""

    @wrap(S3Response, "get_bucket_notification")
    def get_bucket_notification(original: Any, response: Any) -> Any:
        status, headers, body = original(response)
        found = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if found and found.event_bridge is not None:
            text = body.decode() if isinstance(body, bytes) else body
            told = "<EventBridgeConfiguration></EventBridgeConfiguration>"
            root = "</NotificationConfiguration>"
            body = (
                text.replace(root, told + root)
                if root in text
                else text.replace("/>", f">{told}{root}")
            )
        return status, headers, body


def complete_budgets() -> None:
    """Return the tags and the subscribers of budgets."""

    @define(BudgetsResponse, "describe_subscribers_for_notification")
    def describe_subscribers(response: Any) -> str:
        budget = response.backend.budgets[response._get_param("AccountId")][  # noqa: SLF001
            response._get_param("BudgetName")  # noqa: SLF001
        ]
        wanted = response._get_param("Notification")  # noqa: SLF001
        subscribers = [
            subscriber
            for notification in budget.notifications
            if _same(notification.details, wanted)
            for subscriber in notification.subscribers
        ]
        return json.dumps({"Subscribers": subscribers})

    @define(BudgetsResponse, "list_tags_for_resource")
    def list_tags_for_resource(response: Any) -> str:
        name = response._get_param("ResourceARN").rpartition("/")[2]  # noqa: SLF001
        budget = response.backend.budgets[response.current_account][name]
        return json.dumps({"ResourceTags": getattr(budget, "tags", [])})

    @wrap(BudgetsResponse, "create_budget")
    def create_budget(original: Any, response: Any) -> Any:
        answer = original(response)
        name = response._get_param("Budget")["BudgetName"]  # noqa: SLF001
        budget = response.backend.budgets[response._get_param("AccountId")][name]  # noqa: SLF001
        budget.tags = response._get_param("ResourceTags") or []  # noqa: SLF001
        return answer


def _same(one: Any, other: Any) -> bool:
    return all(one.get(key) == value for key, value in other.items() if key != "NotificationState")


PATCHES = {
    "all: refuse the unknown": refuse_the_unknown,
    "ec2: describe rules": describe_rules,
    "ec2: miss rules by name": miss_rules_by_name,
    "glue: type connections": type_connections,
    "lambda: keep dead letters": keep_dead_letters,
    "s3: tell of eventbridge": tell_of_eventbridge,
    "budgets: complete": complete_budgets,
}
