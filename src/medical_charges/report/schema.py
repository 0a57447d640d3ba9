"""The report's JSON Schema: `python -m medical_charges.report.schema [--check] OUT`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from medical_charges.report.model import Report


def schema_text() -> str:
    """Return the schema as the text of a file."""
    value = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(),
        "title": "The report of a run",
    }
    return json.dumps(value, indent=2) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write the schema, or check that a file holds it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    parser.add_argument("out", type=Path)
    options = parser.parse_args(argv)
    if not options.check:
        options.out.write_text(schema_text())
    elif not options.out.exists() or options.out.read_text() != schema_text():
        print(f"{options.out} is not current: run `make format`", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
