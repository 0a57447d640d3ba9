"""`make doctor`: what a deployment needs of this machine and of the account, before it changes any.

    findings = diagnose(find_or_fetch(), Path("contract.yaml"))
    if any(finding.level == "fail" for finding in findings): ...

Nothing is created. What the credentials may not ask for is a warning, because the deployment may
still be allowed to use it.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from pathlib import Path
from shutil import copy
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from medical_charges.contract import Contract, load_contract
from medical_charges.errors import MedicalChargesError
from ops.checks.findings import Finding, Said, run_check
from ops.terraform import DIRECTORY, ROOT, Terraform

VARIABLES = (
    *("project", "bucket_name", "log_bucket_name", "ec2_key_name", "notice_emails"),
    *("emr_cluster", "emr_release", "emr_serverless_vcpus"),
    *("emr_primary_instance_type", "emr_core_instance_type", "emr_core_instances"),
    *("quicksight_user", "quicksight_readers", "quicksight_members", "quicksight_identity_region"),
)
"""The root module's variables that decide what is checked."""

_BUILT = ("artefacts_index", "catalog_file", "rulesets_file", "state_machine_file")
_CLOCK = timedelta(minutes=5)
"""The largest difference that AWS accepts in a signature."""
_QUOTAS = {
    "vcpus": ("ec2", "L-1216C47A"),
    "serverless": ("emr-serverless", "L-D05C8A75"),
    "vpcs": ("vpc", "L-F678F1CE"),
}


_WORKER_VCPUS = 4
"""Of the driver, and of each executor, of a job of EMR Serverless."""


@dataclass(frozen=True)
class Account:
    """The account of the environment's credentials, and the deployment that is meant for it."""

    session: boto3.Session
    variables: Mapping[str, Any]
    """The values of VARIABLES."""
    dataset: str
    """The name of the contract's data set, which names the Catalog database."""
    deployed: bool
    """True if Terraform's state holds resources."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a client that gives up soon; its region is the deployment's by default."""
        config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
        return self.session.client(service, region_name=region, config=config)  # type: ignore[call-overload]

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Return the caller's account and ARN, and the answer's headers."""
        found: Mapping[str, Any] = self.client("sts").get_caller_identity()
        return found

    @property
    def region(self) -> str:
        """Return the deployment's region."""
        return str(self.session.region_name)

    @property
    def instance_types(self) -> list[str]:
        """Return the types of the primary node and of the core nodes."""
        v = self.variables
        return [v["emr_primary_instance_type"], v["emr_core_instance_type"]]

    def quota(self, name: str) -> int:
        """Return the account's quota of vCPUs, of EC2 or EMR Serverless, or of VPCs."""
        service, code = _QUOTAS[name]
        asked = self.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
        return int(asked["Quota"]["Value"])


def diagnose(terraform: str, contract: Path) -> list[Finding]:
    """Check tools, contract, variables, credentials and account.

    The account is asked only if what comes before it is in order.
    """
    findings, described = _of_contract(contract)
    known, variables, deployed = _of_terraform(terraform, dict(os.environ))
    findings += known
    try:
        # Terraform reads AWS_REGION first, boto3 does not read it at all.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        account = Account(session, variables, described.dataset if described else "", deployed)
        findings += run_check("credentials", lambda: _credentials(account))
    except ProfileNotFound as error:
        findings.append(Finding("credentials", "fail", str(error), "correct AWS_PROFILE"))
    if any(finding.level == "fail" for finding in findings):
        skipped = "not checked, because of what failed above"
        return [*findings, Finding("account", "warn", skipped, "mend that and ask again")]
    for name, check in CHECKS.items():
        findings += run_check(name, partial(check, account))
    return findings


def _of_contract(path: Path) -> tuple[list[Finding], Contract | None]:
    try:
        contract = load_contract(path)
    except MedicalChargesError as error:
        return [Finding("contract", "fail", str(error), "correct the contract")], None
    return [Finding("contract", "ok", f"{path} describes {contract.dataset}")], contract


def _of_terraform(
    program: str, environment: Mapping[str, str]
) -> tuple[list[Finding], dict[str, Any], bool]:
    """Initialize Terraform; return its variables, and whether its state holds resources."""
    python = f"Python {platform.python_version()}"
    try:
        variables = variables_of(program, environment)
    except MedicalChargesError as error:
        mend = "correct terraform/terraform.tfvars or TF_VAR_... of the environment"
        return [Finding("variables", "fail", str(error), mend)], {}, False
    deployment = _deployment(program, environment)
    try:
        deployment.init()
        deployed = deployment.manages_resources()
    except MedicalChargesError as error:
        mend = "see whether the provider's registry and the backend of the state can be reached"
        return [Finding("tools", "fail", str(error), mend)], variables, False
    state = "its state holds a deployment" if deployed else "its state is empty"
    return [Finding("tools", "ok", f"{python}, Terraform; {state}")], variables, deployed


def _deployment(program: str, environment: Mapping[str, str]) -> Terraform:
    return Terraform(program, ROOT / ".build" / "account", environment, own_state=False)


def variable_files() -> Iterator[Path]:
    """Return the files that Terraform reads variables from by itself."""
    yield from DIRECTORY.glob("*.tfvars")
    yield from DIRECTORY.glob("*.tfvars.json")


def variables_of(program: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the root's variables as Terraform reads them from files and environment.

    Raises:
        TerraformError: one of them has a value that is refused.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in (DIRECTORY / "variables.tf", *variable_files()):
            copy(file, folder)
        values = "\n".join(f"    {name} = var.{name}" for name in VARIABLES)
        (folder / "outputs.tf").write_text(
            f'output "values" {{\n  value = {{\n{values}\n  }}\n}}\n', encoding="utf-8"
        )
        alone = Terraform(program, folder, environment, folder)
        # What a build makes is not needed here; any file passes.
        alone.apply({name: str(folder / "variables.tf") for name in _BUILT})
        found: dict[str, Any] = alone.outputs()["values"]
    return found


def _credentials(account: Account) -> Iterator[Said]:
    if not account.session.region_name:
        yield "fail", "no region is set", "export AWS_REGION=us-east-1, or another"
        return
    login = "log in again (`aws sso login`, `aws configure`), or set AWS_PROFILE"
    try:
        identity = account.identity
    except ClientError as error:
        yield "fail", str(error), login
        return
    except BotoCoreError as error:
        yield "fail", str(error), f"{login}; see whether the network reaches AWS"
        return
    caller = identity["Arn"]
    yield "ok", f"{caller} in account {identity['Account']}, region {account.region}"
    if caller.endswith(":root"):
        yield "warn", "these are the root user's credentials", "use a role or a user of IAM"
    if date := identity["ResponseMetadata"].get("HTTPHeaders", {}).get("date"):
        apart = abs(parsedate_to_datetime(date) - datetime.now(UTC))
        if apart > _CLOCK:
            yield (
                "fail",
                f"the clock is {apart} from that of AWS",
                "set the clock: AWS refuses that",
            )


def _region(account: Account) -> Iterator[Said]:
    asked = account.client("ec2").describe_regions(AllRegions=True)["Regions"]
    known = {region["RegionName"]: region["OptInStatus"] for region in asked}
    if known.get(account.region) not in {"opt-in-not-required", "opted-in"}:
        yield "fail", f"{account.region} is not enabled in the account", "enable it, or use another"
        return
    yield "ok", f"{account.region} is enabled"


def _buckets(account: Account) -> Iterator[Said]:
    data = account.variables["bucket_name"]
    names = {"bucket_name": data, "log_bucket_name": account.variables["log_bucket_name"]}
    names["log_bucket_name"] = names["log_bucket_name"] or f"{data}-logs"
    for variable, name in names.items():
        mend = f"set {variable} in terraform/terraform.tfvars to a name that is free"
        try:
            answer = account.client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                yield "ok", f"the name {name} is free"
            elif status == 403 and account.deployed:
                yield (
                    "warn",
                    f"these credentials may not look at the bucket {name}",
                    "check by hand",
                )
            elif status in {301, 400, 403}:
                yield "fail", f"the bucket {name} is another account's, or in another region", mend
            else:
                raise
            continue
        where = answer.get("BucketRegion", account.region)
        if where != account.region:
            yield "fail", f"the bucket {name} is in {where}", mend
        elif account.deployed:
            yield "ok", f"the bucket {name} is there"
        else:
            found = f"the bucket {name} exists in this account, but not in Terraform's state"
            yield "fail", found, f"{mend}, or import the bucket"


def _instance_types(account: Account) -> Iterator[Said]:
    wanted = sorted(set(account.instance_types))
    ec2 = account.client("ec2")
    try:
        types = ec2.describe_instance_types(InstanceTypes=wanted)["InstanceTypes"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidInstanceType":
            raise
        yield "fail", str(error), "correct emr_primary_instance_type or emr_core_instance_type"
        return
    for found in types:
        if "x86_64" not in found["ProcessorInfo"]["SupportedArchitectures"]:
            name, mend = (
                found["InstanceType"],
                "the wheelhouse is built for x86-64; use such a type",
            )
            yield "fail", f"{name} is not an x86-64 instance type", mend
    zones: dict[str, set[str]] = {name: set() for name in wanted}
    for offer in ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": wanted}]
    )["InstanceTypeOfferings"]:
        zones[offer["InstanceType"]].add(offer["Location"])
    common = set.intersection(*zones.values())
    if not common:
        found = f"no zone of {account.region} offers {' and '.join(wanted)}"
        yield "fail", found, "use types that one zone offers"
        return
    yield "ok", f"{' and '.join(wanted)} in {', '.join(sorted(common))}"


def _vcpus(account: Account) -> Iterator[Said]:
    if account.variables["emr_cluster"] == "serverless":
        yield from _serverless_vcpus(account)
        return
    primary, core = account.instance_types
    types = account.client("ec2").describe_instance_types(InstanceTypes=sorted({primary, core}))
    of = {
        found["InstanceType"]: found["VCpuInfo"]["DefaultVCpus"] for found in types["InstanceTypes"]
    }
    cores = account.variables["emr_core_instances"]
    least, most = (of[primary] + int(cores[limit]) * of[core] for limit in ("minimum", "maximum"))
    quota = account.quota("vcpus")
    mend = "ask for more of quota L-1216C47A (Running On-Demand Standard instances)"
    if quota < least:
        yield "fail", f"the quota is {quota} vCPUs, and a cluster needs {least}", mend
    elif quota < most:
        yield "warn", f"the quota is {quota} vCPUs; a cluster may grow to {most}", mend
    else:
        yield "ok", f"{quota} vCPUs, of which a cluster takes {least} to {most}"


def _serverless_vcpus(account: Account) -> Iterator[Said]:
    most, quota = int(account.variables["emr_serverless_vcpus"]), account.quota("serverless")
    mend = "lower emr_serverless_vcpus, or ask for more of quota L-D05C8A75 (EMR Serverless)"
    if quota < 2 * _WORKER_VCPUS:
        yield (
            "fail",
            f"the quota is {quota} vCPUs of EMR Serverless; driver and executor are 8",
            mend,
        )
    elif quota < most:
        yield "warn", f"the quota is {quota} vCPUs of EMR Serverless; a job may want {most}", mend
    else:
        yield "ok", f"{quota} vCPUs of EMR Serverless, of which a job takes {most} at most"


def _network(account: Account) -> Iterator[Said]:
    used, quota = len(account.client("ec2").describe_vpcs()["Vpcs"]), account.quota("vpcs")
    if not account.deployed and used >= quota:
        yield "fail", f"all {quota} VPCs of the quota are used", "delete one, or ask for more"
        return
    yield "ok", f"{used} of {quota} VPCs are used"


def _emr(account: Account) -> Iterator[Said]:
    release = account.variables["emr_release"]
    labels = account.client("emr").list_release_labels(Filters={"Prefix": release})["ReleaseLabels"]
    if release not in labels:
        yield "fail", f"EMR has no {release} in {account.region}", "set emr_release to another"
        return
    yield "ok", f"{release} is there"


def _key_pair(account: Account) -> Iterator[Said]:
    name = account.variables["ec2_key_name"]
    if name is None:
        yield "ok", "no key pair for SSH is wanted"
        return
    filters = [{"Name": "key-name", "Values": [name]}]
    if not account.client("ec2").describe_key_pairs(Filters=filters)["KeyPairs"]:
        yield (
            "fail",
            f"there is no key pair {name} in {account.region}",
            "make it, or correct ec2_key_name",
        )
        return
    yield "ok", f"the key pair {name} is there"


def _names(account: Account) -> Iterator[Said]:
    """Resources that the first apply would find under its own names."""
    if account.deployed:
        yield "ok", "they are those of the deployment"
        return
    project, region, number = (
        account.variables["project"],
        account.region,
        account.identity["Account"],
    )
    partition = account.identity["Arn"].split(":")[1]
    machine = f"arn:{partition}:states:{region}:{number}:stateMachine:{project}"
    asked: dict[str, tuple[str, str, dict[str, str]]] = {
        f"the state machine {project}": (
            *("stepfunctions", "describe_state_machine"),
            {"stateMachineArn": machine},
        ),
        f"the table {project}-ledger": (
            *("dynamodb", "describe_table"),
            {"TableName": f"{project}-ledger"},
        ),
        f"the Catalog database {account.dataset}": (
            *("glue", "get_database"),
            {"Name": account.dataset},
        ),
        f"the function {project}-plan-run": (
            *("lambda", "get_function"),
            {"FunctionName": f"{project}-plan-run"},
        ),
    }
    there = [thing for thing, (service, call, arguments) in asked.items()
             if _exists(account, service, call, arguments)]  # fmt: skip
    if there:
        found = f"{' and '.join(there)} exist, but not in Terraform's state"
        yield (
            "fail",
            found,
            "use that deployment's state, delete what is left of it, or set project",
        )
        return
    yield "ok", f"nothing is there under the names of {project}"


def _exists(account: Account, service: str, call: str, arguments: Mapping[str, str]) -> bool:
    try:
        getattr(account.client(service), call)(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if "NotFound" in code or "DoesNotExist" in code:
            return False
        raise
    return True


def _lake_formation(account: Account) -> Iterator[Said]:
    settings = account.client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    for kind in ("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions"):
        grantees = {it["Principal"]["DataLakePrincipalIdentifier"] for it in settings.get(kind, [])}
        if "IAM_ALLOWED_PRINCIPALS" not in grantees:
            found = "new Catalog tables are readable by Lake Formation's grants only"
            yield "warn", found, "grant readers SELECT on the tables after the deployment"
            return
    yield "ok", "new Catalog tables are readable by IAM's permissions"


def _quicksight(account: Account) -> Iterator[Said]:
    user, number = account.variables["quicksight_user"], account.identity["Account"]
    if not user:
        yield "ok", "no dashboard is wanted (quicksight_user is empty)"
        return
    subscribe = "subscribe to QuickSight Enterprise, or leave quicksight_user empty"
    quicksight = account.client("quicksight")
    try:
        info = quicksight.describe_account_subscription(AwsAccountId=number)["AccountInfo"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        yield "fail", "the account has no QuickSight subscription", subscribe
        return
    if not info["Edition"].startswith("ENTERPRISE"):
        yield "fail", f"QuickSight's edition is {info['Edition']}", subscribe
        return
    if info["AccountSubscriptionStatus"] != "ACCOUNT_CREATED":
        yield "fail", f"QuickSight's subscription is {info['AccountSubscriptionStatus']}", subscribe
        return
    yield "ok", f"QuickSight {info['Edition'].title()}"
    yield from _quicksight_people(account)


def _quicksight_people(account: Account) -> Iterator[Said]:
    """Users and group, in the region in which QuickSight keeps them."""
    v, number = account.variables, account.identity["Account"]
    home = v["quicksight_identity_region"] or account.region
    quicksight = account.client("quicksight", home)
    wanted = {"describe_user": [("quicksight_user", v["quicksight_user"])]}
    wanted["describe_user"] += [("quicksight_members", name) for name in v["quicksight_members"]]
    if v["quicksight_readers"] and not v["quicksight_members"]:
        wanted["describe_group"] = [("quicksight_readers", v["quicksight_readers"])]
    for call, people in wanted.items():
        kind = call.removeprefix("describe_")
        for variable, name in people:
            argument = {f"{kind.title()}Name": name.split("/", 2)[-1]}
            try:
                getattr(quicksight, call)(AwsAccountId=number, Namespace="default", **argument)
            except ClientError as error:
                text = str(error)
                if "identity region is" in text:
                    mend = "set quicksight_identity_region to the region that the message names"
                    yield "fail", text, mend
                    return
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                found = f"QuickSight has no {kind} {name} in {home}"
                yield "fail", found, f"correct {variable}, or set quicksight_identity_region"
                continue
            yield "ok", f"the {kind} {name} is there"


def _notices(account: Account) -> Iterator[Said]:
    emails = account.variables["notice_emails"]
    if not emails:
        yield "warn", "nobody is told of a failed run or an alarm", "set notice_emails"
        return
    yield "ok", f"{len(emails)} address(es) get notices, once confirmed"


CHECKS: Mapping[str, Callable[[Account], Iterator[Said]]] = {
    "region": _region,
    "buckets": _buckets,
    "names": _names,
    "instance types": _instance_types,
    "vCPUs": _vcpus,
    "network": _network,
    "EMR": _emr,
    "key pair": _key_pair,
    "Lake Formation": _lake_formation,
    "QuickSight": _quicksight,
    "notices": _notices,
}
"""The checks of the account, by their names."""
