"""Units around the numbers of a column, such as $ and %."""

from __future__ import annotations

import polars as pl

from medical_charges.draft.dialect import ENOUGH, NULLS, NUMBER_SIGNS, share_of
from medical_charges.kernel.columns import without_unit

_UNITS = (
    *("$", "€", "£", "¥", "%", "EUR", "USD", "GBP", "CHF", "CAD", "AUD"),
    *("kg/m²", "kg/m2", "mg", "kg", "g", "cm", "mm", "m"),
)
"""Units that are looked for; those first of which others are a part."""

_OFTEN = 0.5
"""Share of a column's numbers that must have a unit."""

_CODES = "^0[0-9]"


def unit_of(values: pl.Series) -> str | None:
    """Return the unit with which a column's numbers are written, or None."""
    present = values.drop_nulls()
    present = present.filter((present != "") & ~present.is_in(NULLS)).alias("value")
    return next((unit for unit in _UNITS if present.len() and _has(present, unit)), None)


def _has(present: pl.Series, unit: str) -> bool:
    numbers = present.to_frame().select(without_unit(pl.col("value"), unit)).to_series()
    often = float((numbers != present.str.strip_chars()).mean() or 0.0) >= _OFTEN  # type: ignore[arg-type]
    return often and share_of(numbers, NUMBER_SIGNS) >= ENOUGH and not share_of(numbers, _CODES)
