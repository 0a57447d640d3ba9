"""The columns of the input, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, StrictStr

from medical_charges.contract.parts import days
from medical_charges.contract.parts.dialect import OF_VALUES, Dialect
from medical_charges.contract.parts.part import Noun, Number, Part, Reason

PERSON = "person"
IDENTIFYING: Reason | None = Field(
    None,
    description="Why the column is no danger, or is needed, though its name says it names people.",
)
Spellings = Reason | Annotated[tuple[Reason, ...], Field(min_length=1)]
Texts = StrictStr | Annotated[tuple[StrictStr, ...], Field(min_length=1)]


def listed(said: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the spellings that a contract gives as one text or as a list."""
    return (said,) if isinstance(said, str) else said


SPELLINGS: Spellings | None = Field(
    None, description="What the column is called in the header, or its spellings, if not as here."
)
UNIT: Reason | None = Field(
    None, description="What may stand before or behind a number, such as $ or %, and is left out."
)
WITHIN: str | tuple[str, ...] = Field(
    (),
    description="What the groups lie in: a coarser column or band, or a list of them. The areas of "
    "a column, for example, lie in the states of another.",
)
Long = Annotated[StrictInt, Field(ge=-(2**63), le=2**63 - 1)]


class WholeColumn(Part):
    """A column whose values are whole numbers of at most 64 bits."""

    minimum: Long | None = Field(None, description="The least value allowed.")
    maximum: Long | None = Field(None, description="The greatest value allowed.")
    nullable: bool = Field(False, description="Whether the field may be empty.")
    name: Spellings | None = SPELLINGS
    within: str | tuple[str, ...] = WITHIN
    identifying: Reason | None = IDENTIFYING

    def shown(self, value: int) -> str:
        """Return a value as people write it."""
        return str(value)


class IntegerColumn(WholeColumn):
    """A column of whole numbers, as numbers."""

    type: Literal["integer"]
    unit: Reason | None = UNIT
    decimal_zeros: bool = Field(
        False, description="Whether numbers may have a fraction of zeros, as in 19.0."
    )


class DateColumn(WholeColumn):
    """A column of days. As numbers they have eight digits: 2026-01-31 is 20260131."""

    type: Literal["date"]
    minimum: days.Day | None = Field(None, description="The first day allowed.")
    maximum: days.Day | None = Field(None, description="The last day allowed.")
    format: days.Format = Field("%Y-%m-%d", description="How days are written.")

    def shown(self, value: int) -> str:
        """Return a day as people write it."""
        return days.text_of(value)


class DoubleColumn(Part):
    """A column of numbers; NaN and infinity are never allowed."""

    type: Literal["double"]
    minimum: Number | None = Field(None, description="The least value allowed.")
    maximum: Number | None = Field(None, description="The greatest value allowed.")
    unit: Reason | None = UNIT
    decimals: Annotated[StrictInt, Field(ge=0, le=9)] = Field(
        6, description="To how many decimals a measure is rounded, row by row."
    )
    nullable: bool = Field(False, description="Whether the field may be empty.")
    name: Spellings | None = SPELLINGS
    identifying: Reason | None = IDENTIFYING


class StringColumn(Part):
    """A column of text."""

    type: Literal["string"]
    allowed: Annotated[tuple[StrictStr, ...], Field(min_length=1)] | None = Field(
        None, description="The values allowed; anything else is rejected."
    )
    spellings: Mapping[StrictStr, Texts] = Field(
        default_factory=dict,
        description="Further texts that stand for allowed values: for yes, say, Y and TRUE. An "
        "empty text is a field without a value.",
    )
    nullable: bool = Field(False, description="Whether the field may be empty.")
    name: Spellings | None = SPELLINGS
    within: str | tuple[str, ...] = WITHIN
    identifying: Reason | None = IDENTIFYING

    @property
    def meanings(self) -> dict[str, str]:
        """The values that further texts stand for, by these texts."""
        return {text: value for value, said in self.spellings.items() for text in listed(said)}


Column = Annotated[
    IntegerColumn | DoubleColumn | DateColumn | StringColumn, Field(discriminator="type")
]


class Source(Dialect):
    """The format of an input object."""

    format: Literal["csv", "parquet"] = Field(
        "csv", description="What the files are; one contract reads files of one format."
    )
    fold_names: bool = Field(
        False, description="Whether capitals do not matter in the names of the header."
    )
    columns: Annotated[Mapping[str, Column], Field(min_length=1)] = Field(
        description="The columns to read, by their names in the header."
    )

    @property
    def is_parquet(self) -> bool:
        """Whether the objects are Parquet, not CSV."""
        return self.format == "parquet"

    def misplaced_keys(self) -> list[str]:
        """Return the keys of a dialect that are said of Parquet, where they mean nothing."""
        said = [key for key in Dialect.model_fields if key in self.model_fields_set]
        return [key for key in said if key not in OF_VALUES] if self.is_parquet else []

    def spellings(self, name: str) -> tuple[str, ...]:
        """Return what a column may be called in the header."""
        said = self.columns[name].name
        return (name,) if said is None else listed(said)

    def column_called(self, field: str) -> str | None:
        """Return the column that a name in the header stands for."""
        return next((name for name in self.columns if self._is_called(name, field)), None)

    def _is_called(self, name: str, field: str) -> bool:
        spellings = self.spellings(name)
        if self.fold_names:
            return field.casefold() in {spelling.casefold() for spelling in spellings}
        return field in spellings

    def as_written(self) -> dict[str, Any]:
        """Return the source without the keys of a dialect, and of names, that are not used.

        Earlier versions did not have them, and their partials stay valid.
        """
        source = self.model_dump(mode="json")
        for key in self.plain_keys():
            del source[key]
        for part in (source, *source["columns"].values()):
            for key in ("fold_names", "name", "unit", "decimal_zeros", "within", "spellings"):
                if not part.get(key):
                    part.pop(key, None)
        return source


class Unit(Part):
    """What a row of the input is, where its plural is irregular."""

    one: Noun = Field(description="A row, as a singular noun.")
    many: Noun = Field(description="Rows, as its plural.")
