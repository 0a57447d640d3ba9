"""The Glue Catalog's tables: `python -m medical_charges.outputs.catalog --contract FILE OUT`.

Terraform reads the file that this writes, so that a table's columns are said once, in the
contract.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from medical_charges.contract import Contract, load_contract
from medical_charges.contract.outputs import DELIMITER, HEADER_LINES, NULL, Output
from medical_charges.errors import ContractError
from medical_charges.layout import Layout


def tables(contract: Contract) -> list[dict[str, Any]]:
    """Return every output as a table over its folder."""
    return [_table(contract, output) for output in contract.outputs.values()]


def _table(contract: Contract, output: Output) -> dict[str, Any]:
    location = PurePosixPath(Layout(contract.prefix).published(output.name)).parent
    return {
        "name": output.name,
        "location": f"{location}/",
        "columns": [
            {"name": column.name, "type": column.type, "comment": column.comment}
            for column in output.columns
        ],
        "parameters": {
            "classification": "csv",
            "skip.header.line.count": str(HEADER_LINES),
            "dataset": contract.dataset,
        },
        # A suppressed figure is an empty field, and must be read as none at all.
        "serde_parameters": {
            "field.delim": DELIMITER,
            "serialization.format": DELIMITER,
            "serialization.null.format": NULL,
        },
    }


def catalog_text(contract: Contract) -> str:
    """Return the tables as the text of a file."""
    return json.dumps(tables(contract), indent=2) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write the tables of a contract to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contract", type=Path, required=True)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(argv)
    try:
        text = catalog_text(load_contract(options.contract))
    except ContractError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    options.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
