"""`python -m ops.build`: build the artifacts that AWS runs into .build/artefacts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from medical_charges.errors import MedicalChargesError
from ops.build.artifacts import Build

ROOT = Path(__file__).resolve().parents[2]


def main(argv: list[str] | None = None) -> int:
    """Build, and print the version."""
    parser = argparse.ArgumentParser(prog="python -m ops.build", description=__doc__)
    parser.add_argument(
        "--contract", type=Path, default=ROOT / "datasets" / "medical_charges" / "contract.yaml"
    )
    parser.add_argument("--out", type=Path, default=ROOT / ".build" / "artefacts")
    parser.add_argument(
        "--laptop",
        action="store_true",
        help="leave out what a laptop has already: the third-party wheels of EMR and Glue",
    )
    parser.add_argument(
        "--serverless",
        action="store_true",
        help="add the Python environment that jobs of EMR Serverless bring with them",
    )
    options = parser.parse_args(argv)
    folders = options.out.resolve(), options.contract.resolve()
    build = Build(ROOT, *folders, options.laptop, options.serverless)
    try:
        index = build.run()
    except MedicalChargesError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(
        f"version {index['version']}: {len(index['objects'])} objects in {options.out}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
