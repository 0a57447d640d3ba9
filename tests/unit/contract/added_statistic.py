"""Print the results of the statistic `range` in the working directory's tree, as JSON.

This runs in a copy of the repository to which `docs/howto/add_a_statistic.md` was applied.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from medical_charges.analysis.engine import in_this_process
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import take_snapshot, write_snapshot
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract, parse_contract
from medical_charges.dashboard.page import make_page
from medical_charges.dashboard.quicksight import template
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.outputs.catalog import tables
from medical_charges.runs.manifests import generate_manifests
from medical_charges.runs.publish import publish, write_live
from medical_charges.storage import LocalStore, MirrorStore, Store
from medical_charges.validation import validate_outputs
from medical_charges.validation.dqdl import output_rules
from medical_charges.validation.golden import check_golden

NAME = "charges_by_region"


def without_spark() -> NoReturn:
    raise AssertionError("Spark was asked for")


def analyze_here(store: Store, contract: Contract, run_id: str) -> Summary:
    """Take a snapshot of the input and analyze it in this process."""
    snapshot = take_snapshot(store, contract)
    write_snapshot(store, contract, run_id, snapshot)
    return analyze(store, contract, run_id, snapshot, in_this_process)


def golden(folder: Path) -> str:
    """Return the problems of the golden sample's outputs."""
    try:
        check_golden(LocalStore("glue_jobs/golden"), LocalStore(folder / "golden"), analyze_here)
    except OutputsRefusedError as error:
        return str(error)
    return ""


def found(folder: Path) -> dict[str, Any]:
    """Everything that a reader gets of the statistic, and what is wrong with it."""
    text = Path("datasets/medical_charges/contract.yaml").read_text().partition("dashboard:")[0]
    contract = parse_contract(text.replace("maximum, stddev", "maximum, range, stddev"))
    store = LocalStore(folder / "bucket")
    data = Path("datasets/medical_charges/Charges.csv").read_bytes()
    store.write(f"{contract.prefix}/Input_data/Charges.csv", data)
    summary = analyze_here(store, contract, "run")
    checks = validate_outputs(without_spark, store, contract, "run").checks
    bucket, layout = MirrorStore(store, "s3://medicalcharges"), Layout(contract.prefix)
    publish(bucket, layout, "run", summary.staged)
    generate_manifests(bucket, layout, summary.staged)
    write_live(bucket, layout, "run", summary.staged)
    packed = re.search(r'<script id="data"[^>]*>([^<]+)<', make_page(store, contract))
    assert packed
    page = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    visual = next(it for it in page["definition"]["visuals"] if it["id"] == NAME)
    catalog = next(table for table in tables(contract) if table["name"] == NAME)
    return {
        "golden": golden(folder),
        "failed": [check.name for check in checks if check.outcome in {"fail", "error"}],
        "rows": store.read(f"{contract.prefix}/Output_data/{NAME}/{NAME}.csv").decode(),
        "catalog": [it for it in catalog["columns"] if it["name"] == "range_charges"],
        "rules": {rule.name: rule.text for rule in output_rules(contract, NAME).rules},
        "quicksight": json.dumps(template(contract)),
        "page": [field for field in visual["fields"] if field["column"] == "range_charges"],
    }


if __name__ == "__main__":
    json.dump(found(Path(sys.argv[1])), sys.stdout)
