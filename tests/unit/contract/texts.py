"""The contract of the data set as text, with one place changed, and what is said of it."""

from __future__ import annotations

import pytest

from medical_charges.contract import parse_contract
from medical_charges.errors import ContractError
from tests.helpers import CONTRACT_FILE

TEXT = CONTRACT_FILE.read_text()


def changed(old: str, new: str) -> str:
    """The real contract with one place changed."""
    assert TEXT.count(old) >= 1, f"{old!r} is no longer in the contract"
    return TEXT.replace(old, new, 1)


def message(text: str) -> str:
    """Return the message about a wrong contract."""
    with pytest.raises(ContractError) as caught:
        parse_contract(text, origin="there/c.yaml")
    return str(caught.value)


def complaints(text: str) -> list[str]:
    """The mistakes that are reported, each without the file's name in front."""
    lines = message(text).split("\n")
    assert all(line.startswith("there/c.yaml: ") for line in lines)
    return [line.removeprefix("there/c.yaml: ") for line in lines]
