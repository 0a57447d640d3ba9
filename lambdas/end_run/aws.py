"""The AWS services of end_run other than bucket and ledger."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any

import boto3

_ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
_GOING = ["SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING"]


class AwsPlatform:
    """EMR, SNS and Step Functions, as far as end_run needs them."""

    def __init__(self, topic_arn: str, state_machine_arn: str, application_id: str = "") -> None:
        self._topic_arn = topic_arn
        self._state_machine_arn = state_machine_arn
        self._application_id = application_id

    def end_compute(self, mark: str) -> None:
        """End the clusters and the jobs of the execution with this suffix.

        Each is tried whatever comes of the other.
        """
        with ExitStack() as ending:
            ending.callback(self._end_clusters, mark)
            if self._application_id:
                ending.callback(self._end_jobs, mark)

    def _end_jobs(self, mark: str) -> None:
        jobs = boto3.client("emr-serverless")
        pages = jobs.get_paginator("list_job_runs").paginate(
            applicationId=self._application_id, states=_GOING
        )
        for run in [run for page in pages for run in page["jobRuns"]]:
            # The application has no other jobs than those that the state machine has named.
            if run.get("name", "").endswith(mark):
                with suppress(jobs.exceptions.ValidationException):  # it has ended meanwhile
                    jobs.cancel_job_run(applicationId=self._application_id, jobRunId=run["id"])

    def _end_clusters(self, mark: str) -> None:
        """Terminate every cluster of the execution with this suffix.

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
