"""The report's types, from which its JSON Schema is made.

A report holds counts of rows, names of objects, columns and rules, and findings of checks. It holds
no value of the measure, nothing that identifies a row, and no field of one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from medical_charges.checks import Check


class _Part(BaseModel):
    # The last check's fields are described there.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Failure(_Part):
    """The reason why a run failed."""

    state: str = Field(description="The state of the state machine in which it failed.")
    reason: str = Field(description="A sentence on what went wrong.")


class Read(_Part):
    """The input that was read. Rows are the non-empty lines after the headers."""

    objects: int | None = Field(description="The objects of the input; null if it was not read.")
    objects_read: int | None = Field(description="Those of them that were new.")
    rows: int
    counted: int
    rejected: int


class RejectedOfObject(_Part):
    """An object with more rejected rows than the contract allows."""

    object: str = Field(description="The object's key.")
    rows: int
    rejected: int
    rules: dict[str, int] = Field(description="How many rows broke each rule.")


class Rejected(_Part):
    """Rejected rows by rule, and the objects with too many of them."""

    rules: dict[str, int] = Field(description="How many rows broke each rule.")
    objects: list[RejectedOfObject] = Field(description="Objects over the contract's maximum.")


class Checked(_Part):
    """The objects whose rows the validation read."""

    read: int = Field(description="Objects that were new, or all at a recheck.")
    on_record: int = Field(
        description="Objects whose partials had been compared with their rows before."
    )


class Withheld(_Part):
    """Suppressed rows and withheld outputs."""

    rows: dict[str, int] = Field(
        description="By output, how many rows lost their figures: their group is small, or would "
        "disclose a small one. Which of the two is not stated."
    )
    counts_only: dict[str, int] = Field(
        default_factory=dict,
        description="By output, how many rows show counts and shares alone: what tells the "
        "measure would confine a count that was taken away.",
    )
    outputs: dict[str, str] = Field(description="Outputs without any row, with the reason.")
    waiting: dict[str, str] = Field(
        default_factory=dict,
        description="Outputs that stay as an earlier run published them, with that run: some of "
        "their groups have changed by too few people since.",
    )


class Report(_Part):
    """What one run read, rejected, checked and withheld."""

    run_id: str
    outcome: Literal["passed", "held", "refused", "failed"] = Field(
        description="Passed: its outputs may be published. Held: they would disclose people "
        "together with what is published. Refused: a check stopped it. Failed: something else did."
    )
    failure: Failure | None
    held: str | None = Field(description="The reason why the run was held, if it was.")
    contract: str | None = Field(description="The contract hash.")
    versions: dict[str, str] = Field(description="Versions of the code and of its platform.")
    read: Read | None = Field(description="Null if the run ended before its rows were counted.")
    rejected: Rejected
    warnings: list[str]
    checks: list[Check]
    checked: Checked | None = Field(description="Null if the outputs were not validated.")
    withheld: Withheld
    files: dict[str, str] = Field(description="The SHA-256 of every output that was validated.")
    seconds: dict[str, dict[str, float]] = Field(description="Wall time by job and phase.")
