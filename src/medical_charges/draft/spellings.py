"""Texts of a column that stand for the same value, such as Y, 1 and TRUE."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from medical_charges.draft.profile import GROUPS_LISTED, THRESHOLD, is_text
from medical_charges.kernel.columns import meant

Spelled = Mapping[str, tuple[str, ...]]
"""Values with the further texts that stand for them."""

_WORDS = tuple(
    {word: value for value, words in pair.items() for word in words.split()}
    for pair in (
        {"yes": "yes y true t 1", "no": "no n false f 0"},
        {"yes": "ja j 1", "no": "nein n 0"},
        {"yes": "oui o 1", "no": "non n 0"},
        {"yes": "si sí s 1", "no": "no n 0"},
        {"female": "female f", "male": "male m"},
        {"female": "woman w", "male": "man m"},
    )
)
"""Words that stand for two values, of one language or manner each: others may mean a third."""
_UNKNOWN = ("unknown", "missing", "not known", "not stated")
"""Words for a value that nobody knows; the first is taken where a column has none of them."""
_EMPTY_SHARE = 0.02
"""The least share of a column's fields that are empty for these to be a group of their own."""
_LETTERS = 3
"""The least length of texts that are one if they differ by capitals alone: codes are shorter."""


def spellings_in(values: pl.Series) -> Spelled:
    """Return the values of a column of text that are spelled in several ways; none if it is not.

    Empty fields are one of these ways if they are enough for a group.
    """
    if values.n_unique() > GROUPS_LISTED or not is_text(values):
        return {}
    found = values.fill_null("").alias("text").value_counts()
    counts = dict(found.sort("count", "text", descending=True).rows())
    empty = counts.pop("", 0)
    texts = [*counts]
    spelled = dict(_of_words(texts) or _of_capitals(texts))
    if len(texts) > 1 and empty >= max(THRESHOLD, _EMPTY_SHARE * values.len()):
        value = next((text for text in texts if _folded(text) in _UNKNOWN), _UNKNOWN[0])
        spelled[value] = ("", *spelled.get(value, ()))
    return spelled


def _of_words(texts: list[str]) -> Spelled:
    """Return the spellings of yes and no, or of the sexes, if a column holds nothing else."""
    for words in _WORDS:
        meanings = {text: words.get(_folded(text)) for text in texts}
        values = {value for value in meanings.values() if value}
        if None not in meanings.values() and len(texts) > len(values) == 2:
            pairs = ((value, [it for it in texts if meanings[it] == value]) for value in values)
            return {value: others for value, said in sorted(pairs) if (others := _but(value, said))}
    return {}


def _of_capitals(texts: list[str]) -> Spelled:
    """Return texts that differ by capitals or by spaces around them, by the most frequent one."""
    alike: dict[str, list[str]] = {}
    for text in texts:
        alike.setdefault(_folded(text), []).append(text)
    several = (said for folded, said in alike.items() if len(said) > 1 and len(folded) >= _LETTERS)
    return {said[0].strip(): _but(said[0].strip(), said) for said in several}


def _but(value: str, texts: list[str]) -> tuple[str, ...]:
    return tuple(sorted(text for text in texts if text != value))


def _folded(text: str) -> str:
    return text.strip().casefold()


def as_values(name: str, spelled: Spelled) -> pl.Expr:
    """Express a column with its values in place of their further texts."""
    return meant(pl.col(name), {text: it for it, texts in spelled.items() for text in texts})
