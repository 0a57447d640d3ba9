"""The JSON Schema of a contract, for editors: `python -m medical_charges.contract.schema FILE`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from medical_charges.contract.model import Contract


def schema_text() -> str:
    """Return the schema as the text of a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Contract.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write the schema to a file, or check that the file holds it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    options = parser.parse_args(argv)
    if not options.check:
        options.path.write_text(schema_text())
        return 0
    if options.path.exists() and options.path.read_text() == schema_text():
        return 0
    print(f"{options.path} is not what the types say: run `make format`", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
