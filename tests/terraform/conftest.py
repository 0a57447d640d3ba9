"""A copy of the configuration, initialized once, and what Terraform's own tests made of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from local_aws import environment
from tests.helpers import ROOT

Json = dict[str, Any]


@dataclass(frozen=True)
class Configuration:
    """A folder that Terraform can work in without touching the repository."""

    program: str
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextlib.contextmanager
def with_one_provider(configuration: Configuration) -> Iterator[Configuration]:
    """Let all runs use one process of the provider, as its developers do to debug it.

    Terraform would start some for each run of its tests, each of which makes the schemas of all of
    AWS first. A provider that is mocked keeps nothing from one run to the next.
    """
    providers = configuration.folder / ".terraform/providers"
    # Star by star: the folder of a version may be a link into a mirror.
    (program,) = providers.glob("*/hashicorp/aws/*/*/terraform-provider-aws_v*")
    with subprocess.Popen(
        [program, "-debug"],
        env=configuration.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as provider:
        try:
            assert provider.stdout
            said = (re.search(r"TF_REATTACH_PROVIDERS='(.*)'", line) for line in provider.stdout)
            address = next((found[1] for found in said if found), "")
            assert address, f"{program} has ended without an address"
            variables = configuration.environment | {"TF_REATTACH_PROVIDERS": address}
            yield replace(configuration, environment=variables)
        finally:
            provider.kill()


@dataclass
class Mocked:
    """The output of `terraform test`, and the final states of its runs."""

    passed: int = 0
    problems: list[str] = field(default_factory=list)
    states: dict[str, Json] = field(default_factory=dict)


@pytest.fixture(scope="session")
def configuration(tmp_path_factory: pytest.TempPathFactory, terraform: str) -> Configuration:
    folder = tmp_path_factory.mktemp("terraform")
    for name in ("terraform", "state_machine"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".terraform*"))
    found = Configuration(
        terraform,
        folder / "terraform",
        {**os.environ, **environment.terraform(folder), "NO_COLOR": "1"},
    )
    done = found.run("init", "-backend=false", "-input=false")
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="session")
def mocked(configuration: Configuration) -> Mocked:
    """Each of Terraform's own tests once, for all that asks for its result."""
    found = Mocked()
    # States are asked for where they are read: each carries the provider's whole schema.
    states = configuration.folder / "tests/defaults.tftest.hcl"
    others = {*(configuration.folder / "tests").glob("*.tftest.hcl")} - {states}
    with with_one_provider(configuration) as attached:
        for files, options in (([states], ["-verbose"]), (sorted(others), [])):
            filters = [f"-filter=tests/{file.name}" for file in files]
            for line in attached.run("test", "-json", *options, *filters).stdout.splitlines():
                _take(json.loads(line), found)
    return found


def _take(message: Json, found: Mocked) -> None:
    match message["type"]:
        case "test_state":
            found.states[message["@testrun"]] = message["test_state"]
            del message["test_state"]["provider_schemas"]
        case "test_summary":
            found.passed += message["test_summary"]["passed"]
        case "diagnostic" if message["diagnostic"]["severity"] == "error":
            found.problems.append(f"{message.get('@testrun')}: {message['@message']}")
        case _:
            pass


@pytest.fixture(scope="session")
def resources(mocked: Mocked) -> dict[str, Json]:
    """Values of the default stack's resources by their address."""
    assert "defaults" in mocked.states, mocked.problems
    found: dict[str, Json] = {}
    modules = [mocked.states["defaults"]["root_module"]]
    for module in modules:
        modules.extend(module.get("child_modules", []))
        found |= {it["address"]: it["values"] for it in module.get("resources", [])}
    return found
