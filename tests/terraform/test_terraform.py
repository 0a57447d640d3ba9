"""The configuration by Terraform's own judgment, and the rules that it keeps beyond that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers import ROOT

if TYPE_CHECKING:
    from tests.terraform.conftest import Configuration, Json, Mocked

FOLDERS = [ROOT / "terraform", *sorted((ROOT / "terraform/modules").iterdir())]


def test_every_file_is_formatted(configuration: Configuration) -> None:
    done = configuration.run("fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_valid(configuration: Configuration) -> None:
    # Terraform's own tests run below; a module with a provider's alias is no valid root.
    done = json.loads(configuration.run("validate", "-json", "-no-tests").stdout)
    assert done["diagnostics"] == []
    assert done["valid"]


def test_terraforms_own_tests_pass(mocked: Mocked) -> None:
    assert mocked.problems == []
    assert mocked.passed >= 30


def _blocks(file: Path, kind: str) -> dict[str, str]:
    pattern = rf'^{kind} "(\w+)" \{{\n(.*?)^\}}'
    return dict(re.findall(pattern, file.read_text(), flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_variable_is_typed_and_described(folder: Path) -> None:
    variables = _blocks(folder / "variables.tf", "variable")
    assert variables
    for name, text in variables.items():
        assert "type " in text, name
        assert "description " in text, name


def test_variables_are_validated() -> None:
    for name, text in _blocks(ROOT / "terraform/variables.tf", "variable").items():
        # A bool's type leaves nothing to check.
        assert "validation {" in text or re.search(r"type\s+= bool", text), name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_output_is_described(folder: Path) -> None:
    for name, text in _blocks(folder / "outputs.tf", "output").items():
        assert "description " in text, name


def test_the_readme_lists_every_input_and_output_of_the_root() -> None:
    readme = (ROOT / "terraform/README.md").read_text()
    for name in _blocks(ROOT / "terraform/variables.tf", "variable"):
        assert f"| `{name}` |" in readme, f"input {name}"
    for name in _blocks(ROOT / "terraform/outputs.tf", "output"):
        assert f"| `{name}` |" in readme, f"output {name}"


def test_the_aws_provider_is_the_only_one(configuration: Configuration) -> None:
    listed = configuration.run("providers").stdout
    assert set(re.findall(r"provider\[([^]]+)\]", listed)) == {
        "registry.terraform.io/hashicorp/aws",
        "terraform.io/builtin/terraform",
    }


def test_every_skipped_finding_of_checkov_has_a_reason() -> None:
    for file in (ROOT / "terraform").rglob("*.tf"):
        for line in file.read_text().splitlines():
            if "checkov:skip" in line:
                assert re.search(r"#checkov:skip=CKV\w+: \S.{20,}", line), f"{file.name}: {line}"


def test_the_state_machine_is_filled_in_and_stays_json(resources: dict[str, Json]) -> None:
    text = resources["module.orchestration.aws_sfn_state_machine.this"]["definition"]
    definition = json.loads(text)
    assert "${" not in text
    assert definition["QueryLanguage"] == "JSONata"


def test_a_transient_and_the_persistent_cluster_are_made_alike(mocked: Mocked) -> None:
    # GIVEN what a run asks for, and what `emr_cluster = "persistent"` makes
    state = mocked.states["persistent_cluster"]
    emr = next(it for it in state["root_module"]["child_modules"] if it["address"] == "module.emr")
    kept = next(it for it in emr["resources"] if it["type"] == "aws_emr_cluster")["values"]
    machine = next(
        it
        for it in state["root_module"]["child_modules"]
        if it["address"] == "module.orchestration"
    )
    text = next(it for it in machine["resources"] if it["type"] == "aws_sfn_state_machine")
    definition = json.loads(text["values"]["definition"])
    asked = definition["States"]["PlanRun"]["Assign"]["cluster_parameters"]

    # THEN nodes, packages, configuration and encryption are the same
    assert kept["release_label"] == asked["ReleaseLabel"]
    assert kept["security_configuration"] == asked["SecurityConfiguration"]
    assert json.loads(kept["configurations_json"]) == asked["Configurations"]
    assert (
        kept["bootstrap_action"][0]["path"]
        == (asked["BootstrapActions"][0]["ScriptBootstrapAction"]["Path"])
    )
    groups = {it["InstanceRole"]: it for it in asked["Instances"]["InstanceGroups"]}
    assert kept["master_instance_group"][0]["instance_type"] == groups["MASTER"]["InstanceType"]
    assert kept["core_instance_group"][0]["instance_count"] == groups["CORE"]["InstanceCount"]
    # AND only the transient one ends by itself
    assert asked["AutoTerminationPolicy"]["IdleTimeout"] > 0
    assert kept["auto_termination_policy"] == []


def test_python_on_emr_knows_its_region(resources: dict[str, Json]) -> None:
    # GIVEN the configuration of a run's cluster
    machine = resources["module.orchestration.aws_sfn_state_machine.this"]
    asked = json.loads(machine["definition"])["States"]["PlanRun"]["Assign"]["cluster_parameters"]
    found = {it["Classification"]: it for it in asked["Configurations"]}

    # THEN the driver's environment and that of the executors have the region
    driver = found["spark-env"]["Configurations"][0]["Properties"]
    executors = found["spark-defaults"]["Properties"]
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        assert driver[name] == "eu-central-1"
        assert executors[f"spark.executorEnv.{name}"] == "eu-central-1"


def test_the_key_is_destroyed_after_the_buckets_that_need_it(configuration: Configuration) -> None:
    # A bucket that still holds objects refuses; they must stay readable.
    graph = configuration.run("graph")
    edges = re.findall(r'"([^"]+)" -> "([^"]+)"', graph.stdout)
    for bucket in ("data", "logs"):
        edge = (f"module.storage.aws_s3_bucket.{bucket}", "module.storage.aws_kms_key.this")
        assert edge in edges, graph.stderr


def test_global_resources_have_the_region_in_their_names(
    resources: dict[str, Json],
) -> None:
    # Else a deployment in a second region would meet the names of the first.
    named = {"aws_iam_role": "name", "aws_cloudwatch_dashboard": "dashboard_name"}
    for address, values in resources.items():
        kind = address.split(".")[2]
        if kind in named:
            assert values[named[kind]].endswith("-eu-central-1"), address
            assert len(values[named[kind]]) <= 64, address
