"""The contract of the benchmark: the shipped one without medians, which no peer computes."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from medical_charges.contract.outputs import STATISTICS
from ops.folders import ROOT

_SHIPPED = ROOT / "datasets" / "medical_charges" / "contract.yaml"


def contract_text(form: str = "csv") -> str:
    """Return the contract as YAML, for files of a format."""
    yaml, text = YAML(), io.StringIO()
    contract = yaml.load(_SHIPPED)
    for analysis in contract["analyses"].values():
        analysis["statistics"] = [s for s in analysis["statistics"] if not STATISTICS[s].bucketed]
    contract["source"]["format"] = form
    yaml.dump(contract, text)
    return text.getvalue()
