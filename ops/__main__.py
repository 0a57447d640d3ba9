"""`python -m ops COMMAND`: what the Makefile's targets call."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from medical_charges.errors import MedicalChargesError
from ops.show import console


def main(argv: list[str] | None = None) -> int:
    """Run a command; every expected failure is a sentence and an exit code."""
    options = _parser().parse_args(argv)
    start = time.perf_counter()
    try:
        code = int(options.command(options))
    except MedicalChargesError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was published before is still there", file=sys.stderr)  # noqa: T201
        return 130
    if not code:
        console().print(f"{time.perf_counter() - start:.1f} s in all")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="analyse a file or a folder")
    run.add_argument("--input", type=Path, required=True, help="a CSV or a folder of them")
    run.add_argument("--contract", type=Path, required=True)
    run.add_argument("--out", type=Path, required=True, help="the folder that mirrors the bucket")
    run.set_defaults(command=_run)
    local = commands.add_parser("local", help="serve the whole stack until interrupted")
    local.add_argument("--contract", type=Path, required=True)
    local.set_defaults(command=_local)
    return parser


def _run(options: argparse.Namespace) -> int:
    # Imported here, so that a wrong flag is answered at once.
    from ops.folders import analyse_folders  # noqa: PLC0415
    from ops.stack import run_stack  # noqa: PLC0415
    from ops.terraform import TerraformError, find_or_fetch  # noqa: PLC0415

    screen = console()
    try:
        terraform = find_or_fetch()
    except TerraformError as error:
        screen.print(
            f"{error}. Without it only the analysis runs, on local folders: no Terraform, state "
            f"machine, Glue jobs, Lambdas or manifests.",
            soft_wrap=True,
        )
        code = analyse_folders(options.input, options.contract, options.out)
    else:
        code = run_stack(terraform, options.input, options.contract, options.out, screen)
    if not code:
        screen.print(f"results in {options.out}")
    return code


def _local(options: argparse.Namespace) -> int:
    from ops.stack import serve_stack  # noqa: PLC0415 - as above
    from ops.terraform import find_or_fetch  # noqa: PLC0415 - as above

    return serve_stack(find_or_fetch(), options.contract, console())


if __name__ == "__main__":
    sys.exit(main())
