"""Files are checked against the contract before anything is built, applied or uploaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from medical_charges.errors import InputRefusedError
from ops import __main__ as ops
from ops import account, folders, stack
from ops.show import console
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, WITHOUT_CUBES

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"


@pytest.fixture
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building, serving and Terraform fail the test."""

    def fail(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("more was done than to check the file")

    for module, names in ((stack, ("turn", "deployed")), (account, ("package", "_pipeline"))):
        for name in names:
            monkeypatch.setattr(module, name, fail)


def test_a_run_names_every_wrong_file_before_anything_is_built(
    tmp_path: Path, nothing_else: None
) -> None:
    files = {"a.csv": b"\n", "b/c.csv": GOOD, "d.csv": HEADER + GOOD}
    for name, data in files.items():
        path = tmp_path / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with pytest.raises(InputRefusedError) as refused:
        stack.run_stack("", tmp_path / "input", CONTRACT_FILE, tmp_path / "out", console())
    first, second = str(refused.value).split("\n")
    assert first.startswith("MedicalCharges/Input_data/a.csv is empty")
    assert second.startswith("MedicalCharges/Input_data/b/c.csv has no header")
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    "command",
    [
        lambda file: account.upload(file, "", CONTRACT_FILE, console()),
        lambda file: account.change("apply", "", CONTRACT_FILE, console(), file),
    ],
    ids=["upload", "deploy"],
)
def test_a_wrong_file_is_neither_uploaded_nor_deployed_with(
    command: Callable[[Path], int], tmp_path: Path, nothing_else: None
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(HEADER.replace(b"smoker", b"Smoker") + GOOD)
    with pytest.raises(InputRefusedError, match="its header has 'Smoker' for 'smoker'"):
        command(file)


def check(source: Path, contract: Path) -> int:
    return ops.main(["check", "--input", str(source), "--contract", str(contract)])


def test_a_check_shows_what_a_run_would_reject_and_suppress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract, file = tmp_path / "contract.yaml", tmp_path / "x.csv"
    contract.write_text(WITHOUT_CUBES)
    data = CHARGES_FILE.read_bytes().rstrip(b"\n") + b"\n"
    file.write_bytes(data + GOOD.replace(b"19", b"190") * 2)
    assert check(file, contract) == 0
    printed = capsys.readouterr().out
    assert "rows read 1340, counted 1338, rejected 2" in printed
    assert "rejected by rule: age.maximum 2" in printed
    assert f"make run INPUT={file} CONTRACT={contract}  #" in printed
    assert "charges_by_bmi_category" not in printed.partition("seconds")[0], "a table"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contract.yaml", "x.csv"]
    assert file.read_bytes().startswith(data)


def test_a_check_of_too_many_wrong_rows_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract, file = tmp_path / "contract.yaml", tmp_path / "x.csv"
    contract.write_text(WITHOUT_CUBES)
    file.write_bytes(HEADER + GOOD.replace(b"19", b"19.0", 1) * 30)
    assert check(file, contract) == 4
    assert "age is not a whole number: it ends with .0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "other"),
    [
        (b"age,sex,weight,height,cost,x,y\n", True),
        (b"age,sex,bmi,children,x,y,z\n", False),
        (b"a;b;c;d;e;f;g\n", True),
        (HEADER.replace(b",", b";"), False),
        (GOOD, False),
        (b"", False),
    ],
    ids=["most columns", "some columns", "semicolons", "another dialect", "no header", "empty"],
)
def test_a_file_of_other_data_is_led_to_a_draft_of_a_contract(
    header: bytes, other: bool, tmp_path: Path, nothing_else: None
) -> None:
    file = tmp_path / "my file.csv"
    file.write_bytes(header and header + GOOD)
    hint = f"`make contract INPUT='{file}'`"
    commands: list[Callable[[], int]] = [
        lambda: stack.run_stack("", file, CONTRACT_FILE, tmp_path / "out", console()),
        lambda: folders.check(file, CONTRACT_FILE, console()),
    ]
    for command in commands:
        with pytest.raises(InputRefusedError) as refused:
            command()
        assert (hint in str(refused.value)) is other
