"""Exact, mergeable statistics of a measure by groups, described by a contract.

In a program of your own:

    import medical_charges as mc

    result = mc.analyze("file.csv", contract="contract.yaml")
    result.outputs["charges_by_region"]  # a Polars frame
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medical_charges.errors import (
    ContractError,
    InputRefusedError,
    MedicalChargesError,
    TooManyRejectedError,
)

if TYPE_CHECKING:
    from medical_charges.contract import Contract, load_contract, parse_contract
    from medical_charges.local.analysis import Result, analyze

__version__ = "0.1.0"

__all__ = [
    "Contract",
    "ContractError",
    "InputRefusedError",
    "MedicalChargesError",
    "Result",
    "TooManyRejectedError",
    "analyze",
    "load_contract",
    "parse_contract",
]

_PLACES = {
    **dict.fromkeys(("Contract", "load_contract", "parse_contract"), "medical_charges.contract"),
    **dict.fromkeys(("Result", "analyze"), "medical_charges.local.analysis"),
}


def __getattr__(name: str) -> Any:
    # On demand: functions on AWS import this package, and have no Polars.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
