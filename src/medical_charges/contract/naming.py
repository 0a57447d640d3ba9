"""What people read in place of the names in a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medical_charges.contract.model import Contract


def called(contract: Contract, name: str) -> str:
    """What a column, a band, an analysis or a share is called, as a heading."""
    return contract.dashboard.names.get(name) or words(name)


def words(name: str) -> str:
    """A name of the contract as words, the first with a capital."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def in_sentence(text: str) -> str:
    """A heading within a sentence: an abbreviation keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
