"""The contract: one YAML per data set, from which everything particular to it is derived."""

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
