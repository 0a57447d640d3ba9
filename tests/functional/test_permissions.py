"""What the roles may do and what they did, in all that the tests before this one made them do.

An action that can be taken out of a role's policy without anything being refused is one that
nothing here has exercised: it stands below, with the reason why it is there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local_aws.gate.iam import Call, decide, listed
from local_aws.gate.record import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.live import Execution, Live

Json = dict[str, Any]

_FUNCTIONS = (
    "compare-runs end-run generate-manifests plan-run publish-outputs validate-manifests write-page"
)

# By action, the actors in whose policy nothing here need miss it.
UNSEEN = {
    # The platform's own work, which no laptop does: sampling of traces, disks of nodes, a role
    # that EMR makes once for an account, the key of Glue's log groups.
    "iam:CreateServiceLinkedRole": "state-machine",
    "kms:CreateGrant": "emr-service",
    "kms:Decrypt": "emr-service",
    "kms:DescribeKey": f"emr-instances emr-service glue {_FUNCTIONS}",
    "kms:Encrypt": "emr-instances emr-service",
    "kms:GenerateDataKey": "emr-service",
    "kms:GenerateDataKeyWithoutPlaintext": "emr-service",
    "kms:ReEncryptFrom": "emr-instances emr-service",
    "kms:ReEncryptTo": "emr-instances emr-service",
    "logs:AssociateKmsKey": "glue",
    "xray:GetSamplingRules": f"state-machine {_FUNCTIONS}",
    "xray:GetSamplingTargets": f"state-machine {_FUNCTIONS}",
    # What other clients ask for: EMR's and Glue's own for S3, Step Functions' for a list of runs,
    # QuickSight's for the bucket and for versions.
    "glue:GetJobRuns": "state-machine",
    "s3:AbortMultipartUpload": "emr-instances glue",
    "s3:GetBucketLocation": f"emr-instances glue quicksight {_FUNCTIONS}",
    "s3:GetObject": "emr-instances",  # of the package repositories
    "s3:GetObjectVersion": "quicksight",
    "s3:ListBucket": "quicksight",
    # What a run does when something that is not planted here goes wrong: stopping a job, clearing
    # away what another attempt left, rolling back a run whose lease has expired.
    "glue:BatchStopJobRun": "state-machine",
    "s3:DeleteObject": "emr-instances end-run generate-manifests glue plan-run publish-outputs",
    "s3:PutObject": "plan-run",
    # The ledger's statement is one for all functions.
    "dynamodb:DeleteItem": (
        "compare-runs generate-manifests publish-outputs validate-manifests write-page"
    ),
    "dynamodb:UpdateItem": "generate-manifests write-page",
}


def recorded(state: Path) -> dict[str, list[Call]]:
    """What each role was allowed, by its name."""
    found: dict[str, list[Call]] = {}
    for line in (state / FILE).read_text().splitlines():
        role, action, resource, context = json.loads(line)
        found.setdefault(role.rpartition("/")[2], []).append(Call(action, resource, context))
    return found


def without_one_action(policy: Json) -> Iterator[tuple[str, Json]]:
    """The policy as often as it has actions, each time without one of them."""
    for place, statement in enumerate(policy["Statement"]):
        for action in listed(statement["Action"]):
            rest = [other for other in listed(statement["Action"]) if other != action]
            statements = [*policy["Statement"]]
            statements[place] = statement | {"Action": rest}
            yield action, policy | {"Statement": statements}


def test_every_other_action_of_a_role_is_one_that_something_here_needs(
    live: Live, endpoint: tuple[str, Path], first_run: Execution
) -> None:
    assert not first_run.ended.failed()
    iam, calls, unseen = live.client("iam"), recorded(endpoint[1]), set()
    for role, made in calls.items():
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            assert all(decide([policy], call).allowed for call in made)
            for action, less in without_one_action(policy):
                if all(decide([less], call).allowed for call in made):
                    actor = role.removeprefix("medical-charges-").removesuffix("-us-east-1")
                    unseen.add(f"{actor} {action}")
    # Some of them a run may happen to exercise, as it stops what another branch is at.
    assert unseen <= {
        f"{actor} {action}" for action, actors in UNSEEN.items() for actor in actors.split()
    }
