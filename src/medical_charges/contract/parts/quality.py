"""Limits that rejected rows and published figures keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StrictFloat, StrictInt, StrictStr

from medical_charges.checks import Category, Severity
from medical_charges.contract.parts.part import Name, Part

REMOVED_SHARE = 0.5


class QualityRule(Part):
    """A custom rule in the language of Glue Data Quality."""

    rule: Annotated[StrictStr, Field(min_length=1, pattern=r"^[^\n\r]*$")] = Field(
        description="One rule of DQDL."
    )
    output: str | None = Field(
        None, description="The output that it is about; without it, the accepted rows."
    )
    category: Category = Field("plausibility", description="What kind of quality it looks at.")
    severity: Severity = Field(
        "fail", description="Whether a broken rule is reported, or ends the run unpublished."
    )


class Quality(Part):
    """Limits for rejected rows, and further rules."""

    maximum_rejected_share: Annotated[StrictFloat, Field(ge=0, le=1)] = Field(
        0.05, description="The share of an object's rows that may break a rule."
    )
    maximum_removed_share: Annotated[StrictFloat, Field(ge=0, le=1)] = Field(
        REMOVED_SHARE,
        description="A run that has so many fewer people than the live run, as a share of the "
        "live run's, is held, as after an upload that was cut off.",
    )
    duplicates: Literal["warn", "refuse"] = Field(
        "warn", description="What happens when two objects hold the same rows."
    )
    rules: Mapping[Name, QualityRule] = Field(
        default_factory=dict,
        description="Custom rules, in addition to those that are derived from the contract.",
    )


class Disclosure(Part):
    """Rules that keep published figures from identifying a person."""

    minimum_cell: Annotated[StrictInt, Field(ge=1)] = Field(
        11, description="Groups of fewer people than this lose their figures."
    )
    rows_per_person: Annotated[StrictInt, Field(ge=1)] = Field(
        1, description="How many rows one person may have; the threshold in rows is so much higher."
    )
    extremes: Literal["publish", "suppress"] = Field(
        "publish", description="Whether minima and maxima, each one person's value, are published."
    )
    top_code: Mapping[str, StrictInt] = Field(
        default_factory=dict, description="Integer columns whose values from here on are one group."
    )

    @property
    def minimum_rows(self) -> int:
        """The threshold in rows: a group of fewer may be of fewer people than `minimum_cell`."""
        return self.minimum_cell * self.rows_per_person
