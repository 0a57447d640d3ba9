"""`make doctor`: what is wrong with an account or a machine is named, and nothing else is.

The account answers as its documentation says; Terraform reads the real variables.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.exceptions import UnauthorizedSSOTokenError as LoggedOutError

from medical_charges.errors import MedicalChargesError
from ops.__main__ import main
from ops.checks import doctor
from ops.checks.doctor import diagnose
from ops.checks.findings import Finding
from ops.terraform import DIRECTORY, find_or_fetch
from tests.helpers import CONTRACT_FILE

ACCOUNT = "123456789012"
FREE = {"BucketRegion": "us-east-1"}


@dataclass(frozen=True)
class Refusal:
    """An error that a service answers."""

    code: str
    message: str = "refused"
    status: int = 400

    def __call__(self, _: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.status, {"Error": {"Code": self.code, "Message": self.message}}


MISSING, DENIED = Refusal("ResourceNotFoundException"), Refusal("AccessDeniedException")
IAM_ALLOWED = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}}]


def quotas(
    vcpus: int = 64, vpcs: int = 5, serverless: int = 16
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    values = {"L-1216C47A": vcpus, "L-F678F1CE": vpcs, "L-D05C8A75": serverless}
    return lambda asked: {"Quota": {"Value": float(values[asked["QuotaCode"]])}}


def caller(arn: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ann", minutes: int = 0) -> object:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    return {
        "Account": ACCOUNT,
        "Arn": arn,
        "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {"date": date}},
    }


def subscription(edition: str = "ENTERPRISE", status: str = "ACCOUNT_CREATED") -> object:
    return {"AccountInfo": {"Edition": edition, "AccountSubscriptionStatus": status}}


def offers(*types_and_zones: tuple[str, str]) -> object:
    offered = [{"InstanceType": name, "Location": zone} for name, zone in types_and_zones]
    return {"InstanceTypeOfferings": offered}


def types(asked: Mapping[str, Any], processor: str = "x86_64") -> dict[str, Any]:
    names = [value for key, value in asked.items() if key.startswith("InstanceType.")]
    return {
        "InstanceTypes": [
            {
                "InstanceType": name,
                "VCpuInfo": {"DefaultVCpus": 4},
                "ProcessorInfo": {"SupportedArchitectures": [processor]},
            }
            for name in names
        ]
    }


def regions(**status: str) -> object:
    known = {"us-east-1": "opt-in-not-required", "eu-central-1": "opt-in-not-required"} | status
    return {"Regions": [{"RegionName": name, "OptInStatus": it} for name, it in known.items()]}


NEW: Mapping[str, Any] = {
    "GetCallerIdentity": lambda _: caller(),
    "DescribeRegions": regions(),
    "HeadBucket": Refusal("404", status=404),
    "DescribeInstanceTypes": types,
    "DescribeInstanceTypeOfferings": offers(("m5.xlarge", "us-east-1a")),
    "GetServiceQuota": quotas(),
    "DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-1"}]},
    "ListReleaseLabels": {"ReleaseLabels": ["emr-7.12.0"]},
    "DescribeKeyPairs": {"KeyPairs": [{"KeyName": "ops"}]},
    "DescribeStateMachine": Refusal("StateMachineDoesNotExist"),
    "DescribeTable": MISSING,
    "GetDatabase": Refusal("EntityNotFoundException"),
    "GetFunction": Refusal("ResourceNotFoundException", status=404),
    "GetDataLakeSettings": {
        "DataLakeSettings": {
            "CreateDatabaseDefaultPermissions": IAM_ALLOWED,
            "CreateTableDefaultPermissions": IAM_ALLOWED,
        }
    },
    "DescribeAccountSubscription": subscription(),
    "DescribeUser": {"User": {}},
    "DescribeGroup": {"Group": {}},
}
"""A new account, by the operations that it is asked."""
EMAIL = 'notice_emails = ["ann@example.org"]\n'
SERVERLESS = EMAIL + 'emr_cluster = "serverless"'
DASHBOARD = EMAIL + 'quicksight_user = "ann"\n'


@dataclass
class Setting:
    """A machine, and the account of its credentials."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    """What differs from NEW."""
    variables: str = EMAIL
    environment: Mapping[str, str] = field(default_factory=dict)
    deployed: bool = False
    contract: Path = CONTRACT_FILE
    init: Callable[[], None] = lambda: None


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Setting], list[Finding]]:
    """Diagnoses a setting."""

    def examine(setting: Setting) -> list[Finding]:
        root = tmp_path / "terraform"
        root.mkdir()
        shutil.copy(DIRECTORY / "variables.tf", root)
        (root / "terraform.tfvars").write_text(setting.variables)
        environment = {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        }
        for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in (environment | dict(setting.environment)).items():
            monkeypatch.setenv(name, value)
        deployment = SimpleNamespace(init=setting.init, manages_resources=lambda: setting.deployed)
        monkeypatch.setattr(doctor, "DIRECTORY", root)
        monkeypatch.setattr(doctor, "_deployment", lambda *_: deployment)
        monkeypatch.setattr(doctor, "variables_of", partial(_read_once, setting))
        monkeypatch.setattr(boto3, "Session", _session)
        _ANSWERS.clear()
        _ANSWERS.update(NEW, **setting.answers)
        return diagnose(find_or_fetch(), setting.contract)

    return examine


_ANSWERS: dict[str, Any] = {}
_REAL_SESSION, _REAL_VARIABLES = boto3.Session, doctor.variables_of
_READ: dict[str, dict[str, Any]] = {}


def _read_once(setting: Setting, program: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Read what many settings have in common once: Terraform takes half a second."""
    key = repr((setting.variables, setting.environment))
    if key not in _READ:
        _READ[key] = _REAL_VARIABLES(program, environment)
    return _READ[key]


def _session(region_name: str | None) -> boto3.Session:
    """A session that asks nobody; one of each kind, because models are slow to load."""
    return _session_of(
        region_name, *(os.environ.get(it) for it in ("AWS_DEFAULT_REGION", "AWS_PROFILE"))
    )


@cache
def _session_of(region_name: str | None, *_: str | None) -> boto3.Session:
    made = _REAL_SESSION(region_name=region_name)
    events: Any = made.events
    events.register("before-call", lambda **call: _answered(call))
    clients: dict[tuple[str, str | None], Any] = {}
    new_client: Any = made.client

    def client(service: str, region_name: str | None, config: object) -> Any:
        key = service, region_name
        if key not in clients:
            clients[key] = new_client(service, region_name=region_name, config=config)
        return clients[key]

    made.client = client  # type: ignore[method-assign,assignment]
    return made


def _answered(call: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    answer = _ANSWERS[call["model"].name]
    body = call["params"]["body"]
    asked = body if isinstance(body, dict) else json.loads(body) if body else {}
    asked = asked | {"url": call["params"]["url"]}
    if isinstance(answer, Exception):
        raise answer
    if callable(answer):
        answer = answer(asked)
    status, parsed = answer if isinstance(answer, tuple) else (200, answer)
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    return SimpleNamespace(status_code=status), {"ResponseMetadata": metadata} | parsed


def by_name(name: str, answer: object, other: object) -> Callable[[Mapping[str, Any]], object]:
    """An answer for what is called by a name, and another one for the rest."""

    def answered(asked: Mapping[str, Any]) -> object:
        found = answer if re.search(rf"[/-]{name}($|[.?])", asked["url"]) else other
        return found(asked) if callable(found) else found

    return answered


TAKEN = Refusal("403", status=403)
FREE_NAME = Refusal("404", status=404)
BROKEN: Mapping[str, tuple[Setting, str, str, str]] = {
    "no credentials": (
        Setting({"GetCallerIdentity": NoCredentialsError()}),
        *("fail", "Unable to locate credentials", "aws configure"),
    ),
    "expired credentials": (
        Setting({"GetCallerIdentity": Refusal("ExpiredToken", "the token has expired")}),
        *("fail", "the token has expired", "aws sso login"),
    ),
    "a key that is not known": (
        Setting({"GetCallerIdentity": Refusal("InvalidClientTokenId", "the token is invalid")}),
        *("fail", "the token is invalid", "aws configure"),
    ),
    "a wrong secret": (
        Setting({"GetCallerIdentity": Refusal("SignatureDoesNotMatch", "does not match")}),
        *("fail", "does not match", "aws configure"),
    ),
    "a single sign-on that has ended": (
        Setting({"GetCallerIdentity": LoggedOutError()}),
        *("fail", "SSO session", "aws sso login"),
    ),
    "a profile that does not exist": (
        Setting(environment={"AWS_PROFILE": "nobody"}),
        *("fail", "nobody", "AWS_PROFILE"),
    ),
    "no region": (Setting(environment={"AWS_REGION": ""}), "fail", "no region", "AWS_REGION"),
    "no network": (
        Setting({"GetCallerIdentity": EndpointConnectionError(endpoint_url="https://sts")}),
        *("fail", "Could not connect", "network"),
    ),
    "the root user": (
        Setting({"GetCallerIdentity": lambda _: caller(f"arn:aws:iam::{ACCOUNT}:root")}),
        *("warn", "root user", "a role"),
    ),
    "a clock that is slow": (
        Setting({"GetCallerIdentity": lambda _: caller(minutes=6)}),
        *("fail", "the clock is", "set the clock"),
    ),
    "a region that is not enabled": (
        Setting({"DescribeRegions": regions(**{"us-east-1": "not-opted-in"})}),
        *("fail", "us-east-1 is not enabled", "enable it"),
    ),
    "a region that does not exist": (
        Setting(environment={"AWS_REGION": "eu-west-9"}),
        *("fail", "eu-west-9 is not enabled", "another"),
    ),
    "a bucket's name that is taken": (
        Setting({"HeadBucket": by_name("medicalcharges", TAKEN, FREE_NAME)}),
        *("fail", "medicalcharges is another account's", "set bucket_name"),
    ),
    "the log bucket's name that is taken": (
        Setting({"HeadBucket": by_name("logs", TAKEN, FREE_NAME)}),
        *("fail", "medicalcharges-logs is another account's", "set log_bucket_name"),
    ),
    "a bucket elsewhere": (
        Setting({"HeadBucket": Refusal("301", status=301)}),
        *("fail", "another region", "set bucket_name"),
    ),
    "an own bucket in another region": (
        Setting({"HeadBucket": {"BucketRegion": "eu-central-1"}}),
        *("fail", "is in eu-central-1", "set bucket_name"),
    ),
    "an own bucket that Terraform does not know": (
        Setting({"HeadBucket": FREE}),
        *("fail", "not in Terraform's state", "import"),
    ),
    "a contract that is not there": (
        Setting(contract=Path("nowhere.yaml")),
        *("fail", "nowhere.yaml", "contract"),
    ),
    "SSH from everywhere": (
        Setting(variables=EMAIL + 'ssh_allowed_cidrs = ["0.0.0.0/0"]'),
        *("fail", "must not open SSH to everyone", "terraform.tfvars"),
    ),
    "a bucket's name in capitals": (
        Setting(variables=EMAIL + 'bucket_name = "Charges"'),
        *("fail", "lower-case letters", "terraform.tfvars"),
    ),
    "a cluster of no nodes": (
        Setting(variables=EMAIL + "emr_core_instances = { minimum = 0, maximum = 1 }"),
        *("fail", "emr_core_instances", "terraform.tfvars"),
    ),
    "variables that cannot be read": (
        Setting(variables='bucket_name = "charges'),
        *("fail", "", "terraform.tfvars"),
    ),
    "a variable of the environment that is refused": (
        Setting(environment={"TF_VAR_emr_release": "emr-6.1.0"}),
        *("fail", "EMR 7 release", "TF_VAR"),
    ),
    "an instance type that does not exist": (
        Setting({"DescribeInstanceTypes": Refusal("InvalidInstanceType", "m5.xlrge?")}),
        *("fail", "m5.xlrge?", "emr_core_instance_type"),
    ),
    "another processor": (
        Setting({"DescribeInstanceTypes": lambda asked: types(asked, "arm64")}),
        *("fail", "not an x86-64", "x86-64"),
    ),
    "types that no zone offers together": (
        Setting(
            {"DescribeInstanceTypeOfferings": offers(("m5.xlarge", "us-east-1a"),
                                                     ("r5.xlarge", "us-east-1b"))},
            EMAIL + 'emr_core_instance_type = "r5.xlarge"',
        ),
        *("fail", "no zone of us-east-1", "one zone"),
    ),
    "a type that is not offered": (
        Setting({"DescribeInstanceTypeOfferings": offers()}),
        *("fail", "no zone of us-east-1 offers m5.xlarge", "one zone"),
    ),
    "too few vCPUs for a cluster": (
        Setting({"GetServiceQuota": quotas(vcpus=7)}),
        *("fail", "a cluster needs 8", "L-1216C47A"),
    ),
    "too few vCPUs for a large cluster": (
        Setting({"GetServiceQuota": quotas(vcpus=19)}),
        *("warn", "may grow to 20", "L-1216C47A"),
    ),
    "too few vCPUs for a job": (
        Setting({"GetServiceQuota": quotas(serverless=7)}, SERVERLESS),
        *("fail", "7 vCPUs of EMR Serverless", "L-D05C8A75"),
    ),
    "too few vCPUs for a large job": (
        Setting({"GetServiceQuota": quotas(serverless=15)}, SERVERLESS),
        *("warn", "a job may want 16", "emr_serverless_vcpus"),
    ),
    "no VPC left": (
        Setting({"GetServiceQuota": quotas(vpcs=1)}),
        *("fail", "all 1 VPCs", "delete one"),
    ),
    "a release that EMR does not have": (
        Setting({"ListReleaseLabels": {"ReleaseLabels": ["emr-7.12.0-latest"]}}),
        *("fail", "EMR has no emr-7.12.0", "emr_release"),
    ),
    "no such key pair": (
        Setting({"DescribeKeyPairs": {"KeyPairs": []}}, EMAIL + 'ec2_key_name = "ops"'),
        *("fail", "no key pair ops", "ec2_key_name"),
    ),
    "a state machine of that name": (
        Setting({"DescribeStateMachine": {"name": "medical-charges"}}),
        *("fail", "the state machine medical-charges exist", "state"),
    ),
    "a ledger of that name": (
        Setting({"DescribeTable": {"Table": {}}}),
        *("fail", "the table medical-charges-ledger exist", "state"),
    ),
    "a database of that name": (
        Setting({"GetDatabase": {"Database": {}}}),
        *("fail", "the Catalog database medical_charges exist", "state"),
    ),
    "a function of that name": (
        Setting({"GetFunction": {"Configuration": {}}}),
        *("fail", "the function medical-charges-plan-run exist", "state"),
    ),
    "Lake Formation's own permissions": (
        Setting({"GetDataLakeSettings": {"DataLakeSettings": {
            "CreateDatabaseDefaultPermissions": IAM_ALLOWED,
            "CreateTableDefaultPermissions": [],
        }}}),
        *("warn", "Lake Formation's grants only", "grant"),
    ),
    "no QuickSight": (
        Setting({"DescribeAccountSubscription": MISSING}, DASHBOARD),
        *("fail", "no QuickSight subscription", "subscribe"),
    ),
    "QuickSight's smaller edition": (
        Setting({"DescribeAccountSubscription": subscription("STANDARD")}, DASHBOARD),
        *("fail", "edition is STANDARD", "Enterprise"),
    ),
    "a QuickSight subscription that has ended": (
        Setting({"DescribeAccountSubscription": subscription(status="UNSUBSCRIBED")}, DASHBOARD),
        *("fail", "UNSUBSCRIBED", "subscribe"),
    ),
    "a QuickSight user who does not exist": (
        Setting({"DescribeUser": MISSING}, DASHBOARD),
        *("fail", "no user ann in us-east-1", "correct quicksight_user"),
    ),
    "users in another region": (
        Setting({"DescribeUser": Refusal("AccessDeniedException",
                 "Operation is being called from endpoint us-east-1, but your identity region is "
                 "eu-west-1. Please use the eu-west-1 endpoint.")}, DASHBOARD),
        *("fail", "identity region is eu-west-1", "quicksight_identity_region"),
    ),
    "a group that does not exist": (
        Setting({"DescribeGroup": MISSING}, DASHBOARD + 'quicksight_readers = "board"'),
        *("fail", "no group board", "correct quicksight_readers"),
    ),
    "a member who does not exist": (
        Setting(
            {"DescribeUser": by_name("ben", MISSING, {"User": {}})},
            DASHBOARD + 'quicksight_readers = "board"\nquicksight_members = ["ben"]',
        ),
        *("fail", "no user ben", "correct quicksight_members"),
    ),
    "a region without QuickSight": (
        Setting({"DescribeAccountSubscription":
                 EndpointConnectionError(endpoint_url="https://quicksight")}, DASHBOARD),
        *("fail", "quicksight", "whether the region has the service"),
    ),
    "notices to nobody": (Setting(variables=""), "warn", "nobody is told", "notice_emails"),
    "a question that is denied": (
        Setting({"GetServiceQuota": DENIED}),
        *("warn", "GetServiceQuota is denied", "by hand"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named_with_its_mend(
    case: str, examined: Callable[[Setting], list[Finding]]
) -> None:
    setting, level, found, mend = BROKEN[case]
    findings = examined(setting)
    named = [it for it in findings if (it.level, found in it.found) == (level, True)]
    assert any(mend in finding.mend for finding in named), findings
    if level == "warn":
        assert not any(finding.level == "fail" for finding in findings)


def _without_registry() -> None:
    raise MedicalChargesError("the registry cannot be reached")


def test_a_provider_that_cannot_be_had_is_named(
    examined: Callable[[Setting], list[Finding]],
) -> None:
    findings = examined(Setting(init=_without_registry))
    assert [it.check for it in findings if it.level == "fail"] == ["tools"]


HEALTHY: Mapping[str, Setting] = {
    "a new account": Setting(),
    "a deployment that exists": Setting(
        {
            "HeadBucket": FREE,
            "GetServiceQuota": quotas(vpcs=1),
            "DescribeStateMachine": {"name": "medical-charges"},
            "DescribeTable": {"Table": {}},
            "GetDatabase": {"Database": {}},
            "GetFunction": {"Configuration": {}},
        },
        deployed=True,
    ),
    "a dashboard and a group that exists": Setting(
        variables=DASHBOARD + 'quicksight_readers = "board"'
    ),
    "a group that is made, users by ARN in another region": Setting(
        {"DescribeGroup": MISSING},
        EMAIL
        + f'quicksight_user = "arn:aws:quicksight:eu-west-1:{ACCOUNT}:user/default/ann"\n'
        + 'quicksight_readers = "board"\nquicksight_members = ["ben"]\n'
        + 'quicksight_identity_region = "eu-west-1"',
    ),
    "another region, SSH with a key, exactly enough vCPUs": Setting(
        {
            "DescribeInstanceTypeOfferings": offers(("m5.xlarge", "eu-central-1b")),
            "GetServiceQuota": quotas(vcpus=20, vpcs=2),
        },
        EMAIL + 'ec2_key_name = "ops"\nssh_allowed_cidrs = ["10.1.0.0/16"]',
        {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-central-1"},
    ),
}


@pytest.mark.parametrize("case", HEALTHY)
def test_nothing_is_said_against_a_healthy_set_up(
    case: str, examined: Callable[[Setting], list[Finding]]
) -> None:
    findings = examined(HEALTHY[case])
    assert [finding for finding in findings if finding.level != "ok"] == []
    assert {finding.check for finding in findings} >= doctor.CHECKS.keys()


def test_the_findings_are_json_for_programs_and_lines_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.terraform.find_or_fetch", lambda: "terraform")
    long = Finding("a", "fail", "\x1b \x85" + " long" * 4000)
    monkeypatch.setattr(doctor, "diagnose", lambda *_: [long])
    assert main(["doctor", "--contract", str(CONTRACT_FILE), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["found"] == long.found
    broken = [Finding("a", "ok", "fine"), Finding("bc", "fail", "[broken]", "mend it")]
    monkeypatch.setattr(doctor, "diagnose", lambda *_: broken)
    assert main(["doctor", "--contract", str(CONTRACT_FILE), "--json"]) == 1
    assert [it["level"] for it in json.loads(capsys.readouterr().out)] == ["ok", "fail"]
    assert main(["doctor", "--contract", str(CONTRACT_FILE)]) == 1
    assert capsys.readouterr().out == ("ok    a   fine\nfail  bc  [broken]\n          -> mend it\n")
    monkeypatch.setattr(doctor, "diagnose", lambda *_: broken[:1])
    assert main(["doctor", "--contract", str(CONTRACT_FILE)]) == 0
