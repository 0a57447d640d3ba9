"""The stack is destroyed, full of data as it is."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.functional.live import Execution, Live, inventory

# Made by the services themselves when something runs, for the whole account.
OF_THE_SERVICES = ("logs describe_log_groups /aws-glue/",)


def test_destroying_leaves_nothing(live: Live, first_run: Execution, before: set[str]) -> None:
    emr = live.client("emr")
    clusters = [emr.describe_cluster(ClusterId=it)["Cluster"] for it in live.clusters()]
    # Other tests plant clusters without one.
    made = next(it["SecurityConfiguration"] for it in clusters if "SecurityConfiguration" in it)
    destroyed = live.terraform("destroy", "-auto-approve")
    assert destroyed.returncode == 0, destroyed.stdout[-3000:] + destroyed.stderr
    # There is no list of these.
    with pytest.raises(ClientError):
        emr.describe_security_configuration(Name=made)
    live.client("sqs").delete_queue(QueueUrl=live.inbox)
    left = inventory(live.stack.endpoint) - before
    assert not {thing for thing in left if not thing.startswith(OF_THE_SERVICES)}
