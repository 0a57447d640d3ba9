"""The contract: one YAML file for each dataset, from which everything specific to it is derived."""

from medical_charges.contract.load import load_contract, parse_contract
from medical_charges.contract.model import Contract
from medical_charges.contract.parts.analyses import Analysis, Band, Comparison
from medical_charges.contract.parts.dashboard import Dashboard
from medical_charges.contract.parts.source import Column

__all__ = [
    "Analysis",
    "Band",
    "Column",
    "Comparison",
    "Contract",
    "Dashboard",
    "load_contract",
    "parse_contract",
]
