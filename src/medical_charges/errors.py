"""What can go wrong, as types. Every message is a sentence for the person who can mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class MedicalChargesError(Exception):
    """The base of everything this package raises on purpose."""

    exit_code = 1


class ContractError(MedicalChargesError):
    """The contract cannot be read or contradicts itself."""

    exit_code = 2


class InputRefusedError(MedicalChargesError):
    """An input object cannot be analysed at all: no header, a missing column, not text."""

    exit_code = 3


class TooManyRejectedError(MedicalChargesError):
    """More rows of an object break the contract's rules than the contract tolerates.

    The message has counts only, as it is sent about.
    """

    exit_code = 4

    def __init__(
        self, message: str, account: Mapping[str, Any], examples: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__(message)
        self.account = account
        """How many rows there were, and how many broke which rule, object by object."""
        self.examples = examples
        """A few of the fields that broke the worst rules, by object and rule."""


class InputChangedError(MedicalChargesError):
    """An object changed between being listed and being read. Starting again is safe."""

    exit_code = 5


class ObjectMissingError(MedicalChargesError):
    """An object is not where it was expected."""


class LeaseLostError(MedicalChargesError):
    """Another run has taken the lease, so this one may change nothing any more."""


class ManifestError(MedicalChargesError):
    """A manifest is not what QuickSight could read the published outputs by."""


class OutputsRefusedError(MedicalChargesError):
    """Outputs of a run do not agree with its input, or the code with its golden sample."""


def exit_code_of(name: str) -> int:
    """The exit code of the error class of this name; 1 if it is none of this package's."""
    known = {kind.__name__: kind.exit_code for kind in MedicalChargesError.__subclasses__()}
    return known.get(name, MedicalChargesError.exit_code)
