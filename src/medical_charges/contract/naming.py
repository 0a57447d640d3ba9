"""Headings that people read in place of the names in a contract."""

from __future__ import annotations


def words(name: str) -> str:
    """Return a name of the contract as words, the first with a capital."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def in_sentence(text: str) -> str:
    """Return a heading for use within a sentence; an abbreviation keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def plural(noun: str) -> str:
    """Return the plural of a regular noun, and of `person`."""
    if noun == "person":
        return "people"
    if noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")
