"""The contract: one YAML file for each dataset, from which everything specific to it is derived."""

from medical_charges.contract.load import load_contract, parse_contract
from medical_charges.contract.model import Analysis, Band, Column, Comparison, Contract, Dashboard

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
