"""Errors that this package raises. Every message is a sentence for the person who can fix it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class MedicalChargesError(Exception):
    """Base class of the errors that this package raises."""

    exit_code = 1


class ContractError(MedicalChargesError):
    """The contract cannot be read or contradicts itself."""

    exit_code = 2


class InputRefusedError(MedicalChargesError):
    """An input object cannot be analyzed at all: no header, a missing column, not text."""

    exit_code = 3


class TooManyRejectedError(MedicalChargesError):
    """More rows of an object break the contract's rules than the contract tolerates.

    The message holds counts only, because it is sent by email.
    """

    exit_code = 4

    def __init__(
        self, message: str, account: Mapping[str, Any], examples: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__(message)
        self.account = account
        """Number of rows, and of rows that broke each rule, by object."""
        self.examples = examples
        """Examples of fields that broke the most frequent rules, by object and rule."""


class InputChangedError(MedicalChargesError):
    """An object changed between being listed and being read. The run can be repeated."""

    exit_code = 5


class ObjectMissingError(MedicalChargesError):
    """An object does not exist."""


class LeaseLostError(MedicalChargesError):
    """Another run has taken the lease, so this run may not change anything any more."""


class ManifestError(MedicalChargesError):
    """QuickSight could not read the published outputs by a manifest."""


class OutputsRefusedError(MedicalChargesError):
    """A run's outputs do not agree with its input, or the code with its golden sample."""


def exit_code_of(name: str) -> int:
    """Return the exit code of the error class with this name; 1 if it is not of this package."""
    known = {kind.__name__: kind.exit_code for kind in MedicalChargesError.__subclasses__()}
    return known.get(name, MedicalChargesError.exit_code)
