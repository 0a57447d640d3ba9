"""The contract's columns as expressions on a block's fields."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

import polars as pl

from medical_charges.contract import Column
from medical_charges.contract.parts import days
from medical_charges.contract.parts.source import (
    DateColumn,
    IntegerColumn,
    StringColumn,
    WholeColumn,
    listed,
)
from medical_charges.kernel.dialect import NO_DAY, SPACES, STAND_IN, Translator, grouped_number

_LARGEST = sys.float_info.max


def dtype_of(column: Column) -> pl.DataType:
    """Return the type of a column's values."""
    if isinstance(column, StringColumn):
        return pl.Enum(column.allowed) if column.allowed else pl.String()
    return pl.Int64() if isinstance(column, WholeColumn) else pl.Float64()


def may_be_empty(column: Column) -> bool:
    """Return True if a row may have an empty field in a column."""
    return column.nullable or (isinstance(column, StringColumn) and "" in column.meanings)


def empty_flag(name: str) -> str:
    """Return the name of the column that says where a nullable column is empty."""
    return f" {name} is empty"


def in_plain_words(column: Column, translator: Translator) -> Column:
    """Return a column with its texts as they are in a plain block."""
    if not isinstance(column, StringColumn) or column.allowed is None:
        return column
    plain = translator.plain_text
    spellings = {
        plain(value): tuple(map(plain, listed(said))) for value, said in column.spellings.items()
    }
    allowed = tuple(map(plain, column.allowed))
    return column.model_copy(update={"allowed": allowed, "spellings": spellings})


def plain_field(name: str, column: Column, translator: Translator) -> pl.Expr | None:
    """Express the plain form of a field of a plain block, or return None if it is as it stands.

    As the translator's `cleaned` and `number` do; a number that they may read otherwise is left as
    it is, and is none.
    """
    field, changed = pl.col(name), False
    if translator.uses_stand_in and isinstance(column, StringColumn):
        field, changed = field.str.replace_all(STAND_IN.decode(), ",", literal=True), True
    if translator.trims:
        field, changed = field.str.strip_chars(translator.padding), True
    # A word for nothing in a column of numbers that must be there is no number, as it stands.
    no_numbers = not any(sign.isdigit() for null in translator.nulls for sign in null)
    wanted = not isinstance(column, StringColumn) and not column.nullable and no_numbers
    if translator.cleans and not wanted:
        nothing = field.is_in(["", *translator.nulls])
        field, changed = pl.when(nothing).then(None).otherwise(field), True
    if isinstance(column, StringColumn):
        if column.spellings:
            field, changed = meant(field, column.meanings), True
        return field if changed else None
    if isinstance(column, DateColumn):
        return _day(field, column.format, translator)
    if column.unit:
        field, changed = without_unit(field, translator.plain_text(column.unit)), True
    if translator.thousands:
        grouped = field.str.contains(f"^{grouped_number(translator.thousands, '.')}$")
        without = field.str.replace_all(translator.thousands, "", literal=True)
        field, changed = pl.when(grouped).then(without).otherwise(field), True
    if isinstance(column, IntegerColumn) and column.decimal_zeros:
        field, changed = field.str.strip_suffix(".0"), True
    return field if changed else None


def meant(field: pl.Expr, meanings: Mapping[str, str]) -> pl.Expr:
    """Express the values that texts stand for; an empty field is null, or an empty text."""
    values = field.replace(meanings)
    return values.fill_null(meanings[""]) if "" in meanings else values


def _day(field: pl.Expr, form: days.Format, translator: Translator) -> pl.Expr:
    """Express a day as a text of eight digits, and what is no day as NO_DAY."""
    text, separator = field.str.strip_chars(translator.padding), days.separator_of(form)
    # Another sign may stand for it in the block, and the sign itself for yet another.
    there = translator.plain_text(separator)
    looks = text.str.contains(f"^(?:{days.pattern_of(form, there)})$")
    if there != separator:
        text = text.str.replace_all(there, separator, literal=True)
    day = text.str.to_date(form, strict=False)
    number = pl.when(looks & day.is_not_null()).then(day.dt.strftime("%Y%m%d"))
    return number.when(field.is_not_null()).then(pl.lit(NO_DAY))


def without_unit(field: pl.Expr, unit: str) -> pl.Expr:
    """Express a number without a unit behind it, or before it or its sign."""
    text = field.str.strip_chars(SPACES)
    behind = text.str.strip_suffix(unit)
    before = text.str.replace(f"^([+-]?){re.escape(unit)}", "${1}")
    return pl.when(behind != text).then(behind).otherwise(before).str.strip_chars(SPACES)


def kept(name: str, column: Column) -> pl.Expr:
    """Build the condition that a row keeps a column's rules; it is never null."""
    value = pl.col(name)
    if isinstance(column, StringColumn):
        keeps = value.is_not_null()
    elif isinstance(column, WholeColumn):
        keeps = between(value, column.minimum, column.maximum, -(2**63), 2**63 - 1)
    else:
        # The largest double as a bound also keeps infinity out, and NaN, which sorts above it.
        keeps = between(value, column.minimum, column.maximum, -_LARGEST, _LARGEST)
    return keeps | pl.col(empty_flag(name)) if column.nullable else keeps


def between(
    value: pl.Expr, minimum: float | None, maximum: float | None, least: float, most: float
) -> pl.Expr:
    """Build the condition that a value is in a range; it is never null."""
    low = least if minimum is None else minimum
    high = most if maximum is None else maximum
    return value.is_between(low, high).fill_null(value=False)


class Few(NamedTuple):
    """A column of few values, as whole numbers from zero on."""

    name: str
    number: pl.Expr
    size: int
    """How many values there are."""
    least: int = 0
    """The value that is zero."""
    texts: tuple[str, ...] = ()
    """The values, where these are texts."""


def few(name: str, column: Column) -> Few | None:
    """Return a column as whole numbers from zero on, if the contract limits its values."""
    if isinstance(column, StringColumn) and column.allowed:
        return Few(name, pl.col(name).to_physical(), len(column.allowed), texts=column.allowed)
    if not isinstance(column, IntegerColumn) or column.minimum is None or column.maximum is None:
        return None
    least = column.minimum
    return Few(name, pl.col(name) - least, column.maximum - least + 1, least)


class Packed(NamedTuple):
    """Columns as one number: rows are counted by it in half the time that several columns take."""

    number: pl.Expr
    columns: list[pl.Expr]
    """The columns, of the number."""


def packed(columns: Sequence[Few | None], name: str) -> Packed | None:
    """Return columns as one number of this name, or None if their values are too many for one."""
    found = [column for column in columns if column is not None]
    if len(found) < len(columns) or prod(column.size for column in found) >= 2**63:
        return None
    number, rest, unpacked = pl.lit(0, pl.Int64), pl.col(name), []
    for column in found:
        number = number * column.size + column.number.cast(pl.Int64)
    for column in reversed(found):
        value = rest % column.size + column.least
        if column.texts:
            value = pl.lit(pl.Series(column.texts)).gather(value)
        unpacked.append(value.alias(column.name))
        rest = rest // column.size
    return Packed(number.alias(name), unpacked)
