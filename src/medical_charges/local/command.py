"""The command `medical-charges`: the analysis of files in this process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from medical_charges.errors import MedicalChargesError, TooManyRejectedError
from medical_charges.report.printable import printable


def main(argv: list[str] | None = None) -> int:
    """Run a command; every expected failure is a sentence and an exit code."""
    options = _parser().parse_args(argv)
    try:
        _say(options.command(options))
    except MedicalChargesError as error:
        if isinstance(error, TooManyRejectedError):
            _show_examples(error)
        print(printable(f"error: {error}"), file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    except OSError as error:
        if error.filename is None:
            raise
        print(printable(f"error: {error.filename}: {error.strerror}"), file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="medical-charges", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    analysis = commands.add_parser("analyze", help="print the outputs of a file or a folder")
    analysis.add_argument("--out", type=Path, help="an empty folder to write them to, as CSVs")
    analysis.add_argument("--rejected", type=Path, help="a Parquet file for the rejected rows")
    analysis.add_argument("--page", type=Path, help="an HTML file for the dashboard")
    analysis.add_argument(
        "--cubes", action="store_true", help="also make the filter cubes of the dashboard"
    )
    analysis.set_defaults(command=_analyze)
    check = commands.add_parser("check", help="show what a run would reject and suppress")
    check.set_defaults(command=_check)
    draft = commands.add_parser("contract", help="write a contract that a file or a folder fits")
    draft.add_argument("--out", type=Path, help="the file to write; INPUT's name, if not given")
    add_draft_options(draft)
    draft.set_defaults(command=_draft)
    for name in _WITH_MAKE:
        target = commands.add_parser(name, help=f"make {name}, in a clone of the repository")
        target.add_argument("given", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
        target.set_defaults(command=_name_make, target=name)
    for command in (analysis, check, draft):
        command.add_argument(
            "input", type=Path, help="a CSV, a gzipped CSV, Parquet, or a folder of them"
        )
    for command in (analysis, check):
        command.add_argument("--contract", type=Path, required=True, help="what describes them")
    return parser


_WITH_MAKE = ("run", "dashboard", "export", "compare", "doctor", "deploy", "upload")
"""Targets of make that a newcomer may look for here: they need more than the library."""


def _name_make(options: argparse.Namespace) -> NoReturn:
    raise MedicalChargesError(
        f"`make {options.target}` in a clone of the repository does that: it needs Terraform, the "
        f"jobs or the local stack, which are no part of this package; `medical-charges analyze` "
        f"computes the same figures here, and `--page` makes a dashboard of them"
    )


def add_draft_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that drafts a contract."""
    parser.add_argument("--measure", help="the column to average")
    parser.add_argument("--force", action="store_true", help="replace an edited contract")
    parser.add_argument("--yes", action="store_true", help="ask nothing, take the likeliest")


def draft_lines(options: argparse.Namespace, target: Path | None) -> Iterable[str]:
    """Draft and write a contract by a command's options; yield lines that show it."""
    from medical_charges.local.drafts import write_contract  # noqa: PLC0415 - as below

    person = sys.stdin.isatty() and sys.stdout.isatty() and not options.yes
    ask = _ask if person else None
    given = {"measure": options.measure, "force": options.force, "ask": ask}
    yield from write_contract(options.input, target, **given)


def _ask(measures: Sequence[str]) -> str:
    """Ask a person which column is the measure."""
    for number, name in enumerate(measures[:9], start=1):
        _say([f"{number}  {name}"])
    answer = input("Which column is the measure? [1] ").strip() or "1"
    if answer.isdigit() and 1 <= int(answer) <= len(measures[:9]):
        return measures[int(answer) - 1]
    return answer


def _draft(options: argparse.Namespace) -> Iterable[str]:
    yield from draft_lines(options, options.out)


def _analyze(options: argparse.Namespace) -> Iterable[str]:
    from medical_charges.local.analysis import analyze  # noqa: PLC0415 - a wrong flag is answered at once
    from medical_charges.local.show import summary_lines, table_lines  # noqa: PLC0415 - as above

    result = analyze(options.input, options.contract, cubes=options.cubes)
    # First, as it may be refused, and a folder is written once.
    page = result.page() if options.page else ""
    if options.out:
        result.write(options.out)
    if options.rejected:
        result.rejected.write_parquet(options.rejected)
    if options.page:
        options.page.write_text(page, encoding="utf-8")
    for name, data in result.files.items():
        output = result.contract.outputs[name]
        if output.kind != "cube":
            yield from table_lines(output, data)
            yield ""
    yield from summary_lines(result.summary)


def _check(options: argparse.Namespace) -> Iterable[str]:
    from medical_charges.local.analysis import analyze  # noqa: PLC0415 - as above
    from medical_charges.local.show import summary_lines  # noqa: PLC0415 - as above

    result = analyze(options.input, options.contract, cubes=True)
    yield from summary_lines(result.summary)
    yield from result.advice


def _show_examples(error: TooManyRejectedError) -> None:
    from medical_charges.local.show import example_lines  # noqa: PLC0415 - as above

    _say(example_lines(error.examples))


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(printable(line))  # noqa: T201 - the command's answer


if __name__ == "__main__":
    sys.exit(main())
