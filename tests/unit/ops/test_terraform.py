"""A change by the real Terraform is followed while what waits for a part of it goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.terraform import Terraform, TerraformError

ROOT_MODULE = """
variable "gate" {}

resource "terraform_data" "early" {
  count = 2
}

resource "terraform_data" "replaced" {
  triggers_replace = var.gate
}

resource "terraform_data" "late" {
  triggers_replace = var.gate

  provisioner "local-exec" {
    command = "until [ -e ${var.gate} ]; do sleep 0.05; done; ! grep broken ${var.gate}"
  }
}
"""


@pytest.fixture
def deployment(terraform: str, tmp_path: Path) -> Terraform:
    """Terraform on a root module of which one resource waits for a file."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text(ROOT_MODULE)
    deployment = Terraform(terraform, tmp_path / "state", os.environ, root)
    deployment.init()
    return deployment


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that the late resource waits for."""
    return tmp_path / "gate"


def is_late(address: str) -> bool:
    return address.endswith(".late")


def test_what_waits_for_a_part_of_a_change_goes_on_while_the_rest_is_made(
    deployment: Terraform, gate: Path
) -> None:
    counts: list[tuple[int, int]] = []
    noting = deployment.changing("apply", {"gate": str(gate)}, lambda *it: counts.append(it))
    with noting as change:
        change.wait_for_all_but(is_late)
        assert counts[-1] == (3, 4)
        gate.touch()
        change.settle()
    assert counts[-1] == (4, 4)


def test_a_replaced_resource_is_waited_for_until_it_is_made_again(
    deployment: Terraform, gate: Path, tmp_path: Path
) -> None:
    gate.touch()
    deployment.apply({"gate": str(gate)})
    another = tmp_path / "another"
    counts: list[tuple[int, int]] = []
    noting = deployment.changing("apply", {"gate": str(another)}, lambda *it: counts.append(it))
    with noting as change:
        change.wait_for_all_but(is_late)
        # Of what is late, the old one is destroyed by now, or not yet.
        assert counts[-1] in {(2, 4), (3, 4)}
        another.touch()
    assert counts[-1] == (4, 4)


def test_a_part_that_fails_late_fails_the_change(deployment: Terraform, gate: Path) -> None:
    failing = pytest.raises(TerraformError, match=r"terraform_data\.late")
    with failing, deployment.changing("apply", {"gate": str(gate)}) as change:
        change.wait_for_all_but(is_late)
        gate.write_text("broken")


def test_a_change_that_fails_is_not_waited_for_in_vain(deployment: Terraform, gate: Path) -> None:
    gate.write_text("broken")
    failing = pytest.raises(TerraformError, match=r"terraform_data\.late")
    with failing, deployment.changing("apply", {"gate": str(gate)}) as change:
        change.wait_for_all_but(lambda _: False)


def test_nothing_to_change_is_nothing_to_wait_for(deployment: Terraform, gate: Path) -> None:
    gate.touch()
    deployment.apply({"gate": str(gate)})
    with deployment.changing("apply", {"gate": str(gate)}) as change:
        change.wait_for_all_but(is_late)
