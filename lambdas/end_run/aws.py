"""The AWS services of end_run other than bucket and ledger."""

from __future__ import annotations

from typing import Any

import boto3

_ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]


class AwsPlatform:
    """EMR, SNS and Step Functions, as far as end_run needs them."""

    def __init__(self, topic_arn: str, state_machine_arn: str) -> None:
        self._topic_arn = topic_arn
        self._state_machine_arn = state_machine_arn

    def end_clusters(self, mark: str) -> None:
        """Terminate every cluster of the execution with this suffix that is not terminating yet.

        The name is what a list of clusters shows; the tag is what decides. A persistent cluster
        has neither.
        """
        emr = boto3.client("emr")
        pages = emr.get_paginator("list_clusters").paginate(ClusterStates=_ALIVE)
        named = [
            found["Id"] for page in pages for found in page["Clusters"] if mark in found["Name"]
        ]
        ours = [cluster for cluster in named if _run_of(emr, cluster).endswith(mark)]
        if ours:
            emr.terminate_job_flows(JobFlowIds=ours)

    def notify(self, subject: str, text: str) -> None:
        """Publish a notice on the topic."""
        boto3.client("sns").publish(TopicArn=self._topic_arn, Subject=subject, Message=text)

    def start(self, name: str) -> None:
        """Start an execution, once for each name."""
        states = boto3.client("stepfunctions")
        try:
            states.start_execution(stateMachineArn=self._state_machine_arn, name=name, input="{}")
        except states.exceptions.ExecutionAlreadyExists:
            return


def _run_of(emr: Any, cluster: str) -> str:
    tags = emr.describe_cluster(ClusterId=cluster)["Cluster"].get("Tags", [])
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == "RunId"), "")
