"""`python -m ops COMMAND`: what the Makefile's targets call."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from medical_charges.errors import ContractError, InputRefusedError, MedicalChargesError
from medical_charges.local.command import add_draft_options, draft_lines
from medical_charges.report.printable import printable
from ops.show import console, show_next, show_results


def main(argv: list[str] | None = None) -> int:
    """Run a command; every expected failure is a sentence and an exit code."""
    options = _parser().parse_args(argv)
    start = time.perf_counter()
    _end_in_order()
    try:
        _refuse_moved(options)
        code = int(options.command(options))
    except MedicalChargesError as error:
        print(printable(f"error: {error}"), file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    except OSError as error:
        if error.filename is None:
            raise
        print(printable(f"error: {error.filename}: {error.strerror}"), file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was published before is still there", file=sys.stderr)  # noqa: T201
        return 130
    if not code and not getattr(options, "json", False):
        console().print(f"{time.perf_counter() - start:.1f} s in all")
    return code


_MOVED = {
    "contracts/medical_charges.yaml": "datasets/medical_charges/contract.yaml",
    "contracts/schema.json": "datasets/schema.json",
    "data": "datasets/medical_charges",
    "data/Charges.csv": "datasets/medical_charges/Charges.csv",
}
"""Files and folders of version 0.1.0 by their old paths, and where they are now."""


def _refuse_moved(options: argparse.Namespace) -> None:
    """Name the new path of a file that is given by its old one."""
    errors = {"contract": ContractError, "input": InputRefusedError, "file": InputRefusedError}
    for option, error in errors.items():
        path = getattr(options, option, None)
        now = _MOVED.get(path.as_posix()) if path is not None and not path.exists() else None
        if now:
            raise error(f"{path} has moved: it is {now} now")


def _end_in_order() -> None:
    """Let every signal that ends a command unwind it, so that what it started ends with it."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


_ACCOUNT_COMMANDS = {
    "package": "build what AWS runs",
    "plan": "show what a deployment would change",
    "apply": "deploy to the account of the environment",
    "destroy": "remove the deployment",
    "execute": "start a run by hand and follow it",
    "upload": "upload a file and follow the run that this starts",
    "logs": "show what the last run did",
    "runs": "list all runs",
    "rollback": "publish an earlier run again",
    "redrive": "analyze the input again after a failure, and deliver dead letters",
    "forget": "forget an object: remove all that holds rows of it, and run again",
    "share": "print a link to the dashboard's page for people without an account",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="analyze a file or a folder")
    run.add_argument("--input", type=Path, required=True, help="a CSV or a folder of them")
    run.add_argument("--out", type=Path, required=True, help="the folder that mirrors the bucket")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", help="show what a run would reject and suppress")
    check.add_argument("--input", type=Path, required=True, help="a CSV or a folder of them")
    check.set_defaults(command=_check)
    draft = commands.add_parser("contract", help="write a contract that a file or a folder fits")
    draft.add_argument("--input", type=Path, required=True, help="a CSV or a folder of them")
    add_draft_options(draft)
    draft.set_defaults(command=_draft)
    page = commands.add_parser("dashboard", help="write the page of what is published, and open it")
    page.add_argument("--out", type=Path, required=True, help="the folder that mirrors the bucket")
    page.set_defaults(command=_dashboard)
    export = commands.add_parser("export", help="write one workbook of what is published")
    export.add_argument(
        "--out", type=Path, required=True, help="the folder that mirrors the bucket"
    )
    export.set_defaults(command=_export)
    changes = commands.add_parser("compare", help="show what two publications differ in")
    changes.add_argument(
        "--out", required=True, help="the folder that mirrors the bucket, or s3://"
    )
    changes.add_argument("--run-a", default="", help="a run; the latest but one, if not given")
    changes.add_argument("--run-b", default="", help="a later run; the latest one, if not given")
    changes.add_argument("--json", action="store_true", help="print every difference as JSON")
    changes.set_defaults(command=_in_aws(_compare))
    local = commands.add_parser("local", help="serve the whole stack until interrupted")
    local.set_defaults(command=_local)
    doctor = commands.add_parser("doctor", help="check machine and account before a deployment")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(command=_doctor)
    proof = commands.add_parser("verify", help="make, run, check and remove a scratch deployment")
    proof.add_argument("--file", type=Path, required=True, help="a CSV")
    proof.add_argument("--json", action="store_true", help="print the findings as JSON")
    proof.add_argument("--yes", action="store_true", help="agree to what it costs")
    proof.set_defaults(command=_verify)
    for name, help_ in _ACCOUNT_COMMANDS.items():
        command = commands.add_parser(name, help=help_)
        command.set_defaults(command=_in_aws(_in_account), name=name)
        _add_options(name, command)
    for command in commands.choices.values():
        required = command is not draft
        command.add_argument("--contract", type=Path, required=required, help="describes the data")
    return parser


def _add_options(name: str, command: argparse.ArgumentParser) -> None:
    """Add the options of a command for an account."""
    if name == "upload":
        command.add_argument("--file", type=Path, required=True, help="a CSV")
    if name == "execute":
        command.add_argument("--recheck", action="store_true", help="read every row again")
        command.add_argument(
            "--publish-held", action="store_true", help="publish however few people changed"
        )
    if name == "rollback":
        command.add_argument("--run", required=True, help="the run's id, as `runs` lists it")
    if name == "share":
        command.add_argument("--days", type=int, required=True, help="how long it is valid")
    if name == "forget":
        command.add_argument("--object", required=True, help="its key, or its name in the input")
        command.add_argument("--yes", action="store_true", help="agree to the removal")
    if name == "apply":
        command.add_argument("--file", type=Path, help="a CSV to run once with, for QuickSight")


_AFTER_CHECK = ("run", "the same with validation, published to out/")
_AFTER_RUN = (
    ("dashboard", "open the page"),
    ("export", "all tables as one workbook"),
    ("compare", "after another run: what changed"),
)


def _run(options: argparse.Namespace) -> int:
    # Imported here, so that a wrong flag is answered at once.
    from medical_charges.contract import load_contract  # noqa: PLC0415
    from medical_charges.layout import Layout  # noqa: PLC0415
    from ops.folders import analyze_folders  # noqa: PLC0415
    from ops.stack import run_stack  # noqa: PLC0415
    from ops.terraform import TerraformError, find_or_fetch  # noqa: PLC0415

    screen = console()
    try:
        terraform = find_or_fetch()
    except TerraformError as error:
        screen.print(
            f"{error}. Without it only the analysis runs, on local folders: no Terraform, state "
            f"machine, Glue jobs or Lambdas."
        )
        code = analyze_folders(options.input, options.contract, options.out)
    else:
        code = run_stack(terraform, options.input, options.contract, options.out, screen)
    if not code:
        show_results(screen, options.out, Layout(load_contract(options.contract).prefix))
        show_next(screen, *_AFTER_RUN, CONTRACT=options.contract, OUT=options.out)
    return code


def _check(options: argparse.Namespace) -> int:
    from ops.folders import check  # noqa: PLC0415 - as above

    screen = console()
    code = check(options.input, options.contract, screen)
    show_next(screen, _AFTER_CHECK, INPUT=options.input, CONTRACT=options.contract)
    return code


def _draft(options: argparse.Namespace) -> int:
    screen = console()
    for line in draft_lines(options, options.contract):
        screen.print(line)
    return 0


def _dashboard(options: argparse.Namespace) -> int:
    from medical_charges.contract import load_contract  # noqa: PLC0415 - as above
    from ops.page import open_page, save_page  # noqa: PLC0415 - as above

    page = save_page(options.out, load_contract(options.contract))
    opened = open_page(page)
    console().print(f"dashboard: {page}{'' if opened else ' (open it in a browser)'}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from medical_charges.contract import load_contract  # noqa: PLC0415 - as above
    from ops.published.workbook import save_workbook  # noqa: PLC0415 - as above

    console().print(f"workbook: {save_workbook(options.out, load_contract(options.contract))}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from medical_charges.contract import load_contract  # noqa: PLC0415 - as above
    from medical_charges.storage import open_store  # noqa: PLC0415 - as above
    from ops.published import compare  # noqa: PLC0415 - as above

    store = open_store(options.out.rstrip("/"))
    found = compare.compare(store, load_contract(options.contract), options.run_a, options.run_b)
    for line in [compare.as_json(found)] if options.json else compare.lines(found):
        console().print(line, soft_wrap=True)
    return 0


def _local(options: argparse.Namespace) -> int:
    from ops.stack import serve_stack  # noqa: PLC0415 - as above
    from ops.terraform import find_or_fetch  # noqa: PLC0415 - as above

    return serve_stack(find_or_fetch(), options.contract, console())


def _doctor(options: argparse.Namespace) -> int:
    from ops.checks.doctor import diagnose  # noqa: PLC0415 - as above
    from ops.checks.findings import show_findings  # noqa: PLC0415 - as above
    from ops.terraform import find_or_fetch  # noqa: PLC0415 - as above

    findings = diagnose(find_or_fetch(), options.contract)
    return show_findings(findings, console(), as_json=options.json)


def _verify(options: argparse.Namespace) -> int:
    from ops.checks.verify import verify  # noqa: PLC0415 - as above
    from ops.terraform import find_or_fetch  # noqa: PLC0415 - as above

    given = {"as_json": options.json, "agreed": options.yes}
    return verify(find_or_fetch(), options.contract, options.file, console(), **given)


Command = Callable[[argparse.Namespace], int]


def _in_aws(command: Command) -> Command:
    """Make AWS's errors in a command expected failures."""

    def wrapped(options: argparse.Namespace) -> int:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 - as above
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        try:
            return command(options)
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise MedicalChargesError(f"AWS cannot be asked, or refused: {error}") from error

    return wrapped


def _in_account(options: argparse.Namespace) -> int:
    from medical_charges.runs.lifecycle import PUBLISH_HELD, RECHECK  # noqa: PLC0415 - as above
    from ops import account  # noqa: PLC0415 - as above
    from ops.terraform import find_or_fetch  # noqa: PLC0415 - as above

    contract, screen = options.contract, console()
    match options.name:
        case "package":
            return account.package(contract, screen, find_or_fetch())
        case "upload":
            return account.upload(options.file, find_or_fetch(), contract, screen)
        case "execute":
            asked = {RECHECK: options.recheck, PUBLISH_HELD: options.publish_held}
            return account.execute(find_or_fetch(), contract, screen, asked)
        case "logs":
            return account.logs(find_or_fetch(), contract, screen)
        case "runs":
            return account.runs(find_or_fetch(), contract, screen)
        case "rollback":
            return account.rollback(find_or_fetch(), contract, screen, options.run)
        case "share":
            return account.share(find_or_fetch(), contract, screen, options.days)
        case "redrive":
            return account.redrive(find_or_fetch(), contract, screen)
        case "forget":
            named = options.object
            return account.forget(find_or_fetch(), contract, screen, named, agreed=options.yes)
        case command:
            file = getattr(options, "file", None)
            return account.change(command, find_or_fetch(), contract, screen, file)


if __name__ == "__main__":
    sys.exit(main())
