"""Patches for the gaps of moto, one for each.

tests/local_aws has a test for every patch that shows the gap on the unpatched emulator too. When a
new release of moto closes a gap, that test fails and names the patch to drop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.core.config import default_user_config

from local_aws.patches import (
    cloudformation,
    events,
    glue,
    hooks,
    instance_connect,
    lambda_,
    policies,
    quicksight,
    s3,
    terraform,
)
from local_aws.patches.emr import clusters, serverless
from local_aws.patches.step_functions import (
    concurrency,
    jsonata,
    roles,
    status_events,
)
from local_aws.patches.step_functions import emr as step_functions_emr
from local_aws.patches.step_functions import emr_serverless as step_functions_serverless
from local_aws.patches.step_functions import interpreter as step_functions

if TYPE_CHECKING:
    from local_aws.workers import Workers

PATCHES = {
    **step_functions.PATCHES,
    **step_functions_emr.PATCHES,
    **step_functions_serverless.PATCHES,
    **jsonata.PATCHES,
    **status_events.PATCHES,
    **roles.PATCHES,
    **clusters.PATCHES,
    **serverless.PATCHES,
    **glue.PATCHES,
    **lambda_.PATCHES,
    **events.PATCHES,
    **s3.PATCHES,
    **concurrency.PATCHES,
    **policies.PATCHES,
    **instance_connect.PATCHES,
    **cloudformation.PATCHES,
    **quicksight.PATCHES,
    **terraform.PATCHES,
}
_applied: set[str] = set()


def apply(workers: Workers) -> None:
    """Patch the emulator in this process, once, and let it use these workers."""
    hooks.serve_with(workers)
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    default_user_config["iam"]["load_aws_managed_policies"] = True
    for name, patch in PATCHES.items():
        if name not in _applied:
            patch()
            _applied.add(name)
