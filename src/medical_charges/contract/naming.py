"""Headings that people read in place of the names in a contract."""

from __future__ import annotations


def words(name: str) -> str:
    """Return a name of the contract as words, the first with a capital."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def in_sentence(text: str) -> str:
    """Return a heading for use within a sentence; an abbreviation keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
