"""Commands that hold a stack on a laptop end whole, and take turns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws import running
from ops.show import PlainConsole
from ops.stack import deployed
from tests.helpers import CONTRACT_FILE, ROOT

# The commands with a stack that has nothing applied to it.
COMMAND = """
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
import local_aws, ops.stack, ops.terraform
from ops.__main__ import main

@contextmanager
def deployed(terraform, contract, console):
    with local_aws.serve(ops.stack.STATE) as stack:
        pipeline = SimpleNamespace(bucket="b", machine="m")
        yield SimpleNamespace(
            endpoint=stack.endpoint, pipeline=pipeline, contract=SimpleNamespace(prefix="p"),
            settle=lambda: None,
        )

ops.stack.STATE, ops.stack.deployed = Path(sys.argv[1]), deployed
ops.terraform.find_or_fetch = lambda: "terraform"
sys.exit(main(["local", "--contract", "c.yaml"]))
"""
TURN = """
import sys
from pathlib import Path
from rich.console import Console
from ops.stack import turn
with turn(Path(sys.argv[1]), Console()):
    print("at work", flush=True)
    sys.stdin.read()
"""


def started(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", script, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str], words: str) -> bool:
    assert process.stdout
    return any(words in line for line in process.stdout)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_served_stack_ends_completely_at_a_signal(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with started(COMMAND, tmp_path) as process:
        try:
            assert said(process, "aws s3 cp YOUR_FILE.csv"), "the contract is another one"
            assert said(process, "Ctrl-C ends it")
            assert running(tmp_path)
            process.send_signal(number)
            assert process.wait(30) == code
        finally:
            process.kill()
    assert not (tmp_path / "stack.json").exists()


WAITING = """
import polars
from ops.stack import until_interrupted
print("waits", flush=True)
until_interrupted()
"""


def test_a_wait_sees_a_signal_though_polars_takes_signals_in_hand(tmp_path: Path) -> None:
    with started(WAITING, tmp_path) as process:
        assert said(process, "waits")
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == -signal.SIGINT
        finally:
            process.kill()


def test_commands_for_an_account_do_not_wait_for_the_emulator_to_be_imported() -> None:
    program = "import sys, ops.account; assert 'moto' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("killed", [False, True])
def test_a_second_command_says_that_it_waits_for_the_first(killed: bool, tmp_path: Path) -> None:
    with started(TURN, tmp_path) as first, started(TURN, tmp_path / "..") as other:
        assert said(first, "at work")
        assert said(other, "at work"), "another folder is another turn"
        other.kill()
        with started(TURN, tmp_path) as second:
            assert said(second, "waiting for its end")
            if killed:
                first.kill()
            else:
                first.communicate()
            assert said(second, "at work")
            second.communicate()


# --- a run starts before all of the stack is applied

ROOT_MODULE = """
variable "artefacts_index" {}
variable "catalog_file" {}
variable "rulesets_file" {}
variable "state_machine_file" {}
variable "force_destroy" {}

resource "terraform_data" "machine" {}

resource "terraform_data" "rule" {
  triggers_replace = terraform_data.machine.id

  provisioner "local-exec" {
    command = "sleep 0.3"
  }
}

module "aws_s3_bucket_lifecycle_configuration" {
  source = "./late"
}

output "bucket_name" {
  value = "medicalcharges"
}

output "state_machine_arn" {
  value = "arn:aws:states:us-east-1:123456789012:stateMachine:${terraform_data.machine.id}"
}

output "ledger_table" {
  value = "ledger"
}
"""
LATE = """
resource "terraform_data" "late" {
  provisioner "local-exec" {
    command = "for _ in $(seq 200); do [ -e GATE ] && break; sleep 0.1; done; touch GATE"
  }
}
"""


class Laptop:
    """An endpoint that is up, and a root module of which one part waits for a file."""

    def __init__(self, folder: Path) -> None:
        self.endpoint, self.state, self.gate = "http://127.0.0.1:9", folder, folder / "gate"
        self.version, self.root = "a", folder / "root"
        self.applied = folder / "applied"
        (self.root / "late").mkdir(parents=True)
        (self.root / "main.tf").write_text(ROOT_MODULE)
        (self.root / "late" / "main.tf").write_text(LATE.replace("GATE", str(self.gate)))

    def environment(self) -> dict[str, str]:
        return {**os.environ, "AWS_REGION": "us-east-1"}

    def run(self) -> dict[str, str]:
        return {"version": self.version}


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    laptop = Laptop(tmp_path)
    monkeypatch.setattr("local_aws.running", lambda _: laptop)
    monkeypatch.setattr("ops.stack.Build", lambda *_, **__: laptop)
    monkeypatch.setattr("ops.stack.root_module", lambda _: laptop.root)
    return laptop


def test_a_run_starts_while_terraform_waits_for_what_no_run_reads(
    terraform: str, laptop: Laptop
) -> None:
    with deployed(terraform, CONTRACT_FILE, PlainConsole(), laptop.state) as stack:
        assert stack.pipeline.machine.startswith("arn:aws:states:")
        assert not laptop.gate.exists()
        assert not laptop.applied.exists()
        laptop.gate.touch()
        stack.settle()
        assert laptop.applied.read_text() == "a"


def test_a_stack_of_which_a_change_was_interrupted_is_applied_again(
    terraform: str, laptop: Laptop
) -> None:
    laptop.applied.write_text("a")
    laptop.version = "b"

    def interrupt() -> None:
        with deployed(terraform, CONTRACT_FILE, PlainConsole(), laptop.state):
            laptop.gate.touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    laptop.version = "a"
    with deployed(terraform, CONTRACT_FILE, PlainConsole(), laptop.state) as stack:
        assert not laptop.applied.exists()
        stack.settle()
    assert laptop.applied.read_text() == "a"
