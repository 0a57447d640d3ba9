"""The staged files as bytes: encoding, header, fields, and how numbers are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.contract.outputs import Output, OutputColumn
from medical_charges.validation.expected import Figure
from medical_charges.validation.result import run_check

_WHOLE = re.compile(r"0|[1-9][0-9]*")
_LABEL = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]{0,5}[1-9])?")


@dataclass(frozen=True)
class StagedFile:
    """The bytes of one staged output."""

    output: Output
    data: bytes

    @property
    def name(self) -> str:
        """The output's name."""
        return self.output.name

    def shows_counts_alone(self, row: Sequence[str], right: Sequence[Figure]) -> bool:
        """Return True if a row has its counts and shares and no figure of the measure."""
        fields = list(zip(self.output.figures, row[self.groups :], right, strict=True))
        measured = [(shown, figure) for column, shown, figure in fields if not column.of_counts]
        return (
            any(shown for column, shown, _ in fields if column.of_counts)
            and any(figure.text for _, figure in measured)
            and not any(shown for shown, _ in measured)
        )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The expected header."""
        return self.output.header

    @cached_property
    def groups(self) -> int:
        """Number of columns that name the group."""
        return len(self.output.labels)

    @cached_property
    def lines(self) -> list[str]:
        """The lines, the header first."""
        return self.data.decode("utf-8", "replace").removesuffix("\n").split("\n")

    @cached_property
    def readable(self) -> bool:
        """True if rows can be read by their columns."""
        return self.lines[0] == ",".join(self.columns) and not list(field_problems(self))

    @cached_property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows, as lists of fields."""
        return [tuple(line.split(",")) for line in self.lines[1:]]


def staged_files(contract: Contract, staged: dict[str, bytes]) -> dict[str, StagedFile]:
    """Return the staged outputs, with the columns that the contract describes."""
    return {
        name: StagedFile(output, staged[name])
        for name, output in contract.outputs.items()
        if name in staged
    }


def file_checks(file: StagedFile) -> list[Check]:
    """Check everything about an output that its bytes show."""
    return [
        run_check(
            f"{file.name}: encoding",
            "conformance",
            "UTF-8 without a byte-order mark, lines ended by \\n, the last one too",
            lambda: _encoding_problems(file),
        ),
        run_check(
            f"{file.name}: header",
            "conformance",
            ",".join(file.columns),
            lambda: _header_problems(file),
        ),
        run_check(
            f"{file.name}: fields and numbers",
            "conformance",
            "a field for each column, without quotes; whole numbers, and decimals of at most 6 "
            "places with a point, without trailing zeros or exponent",
            lambda: [*field_problems(file), *_number_problems(file)],
        ),
    ]


def _encoding_problems(file: StagedFile) -> Iterator[str]:
    if file.data.startswith(b"\xef\xbb\xbf"):
        yield "the file starts with a byte-order mark"
    try:
        file.data.decode()
    except UnicodeDecodeError:
        yield "the file is not UTF-8"
    if b"\r" in file.data:
        yield "a line ends with a carriage return, or holds one"
    if not file.data.endswith(b"\n") or file.data.endswith(b"\n\n"):
        yield "the last line does not end with one newline"


def _header_problems(file: StagedFile) -> Iterator[str]:
    # The line found is not quoted: it may hold a group's figures.
    if file.lines[0] != (expected := ",".join(file.columns)):
        yield f"the first line is not the header {expected!r}"


def field_problems(file: StagedFile) -> Iterator[str]:
    """Find rows that do not have one plain field for each column."""
    for number, line in enumerate(file.lines[1:], 1):
        if '"' in line:
            yield f"row {number} has a quote"
        if line.count(",") != len(file.columns) - 1:
            yield f"row {number} has {line.count(',') + 1} fields instead of {len(file.columns)}"
        if any(not label for label in line.split(",")[: file.groups]):
            yield f"row {number} names no group"


def _number_problems(file: StagedFile) -> Iterator[str]:
    for number, row in enumerate(file.rows, 1):
        for column, text in zip(file.output.columns, row, strict=False):
            if not _is_right(text, column):
                name, kind = column.name, column.type
                yield f"row {number}: {name} is not written as a number of type {kind}"


def _is_right(text: str, column: OutputColumn) -> bool:
    label = column.role == "label"
    if column.type == "string" or (not text and not label):
        return True
    if column.type == "bigint":
        return (_LABEL if label else _WHOLE).fullmatch(text) is not None
    if column.format == "p":
        return _is_p(text)
    return _DECIMAL.fullmatch(text) is not None and text != "-0"


def _is_p(text: str) -> bool:
    """Return True if a probability is written with 6 significant digits."""
    try:
        value = float(text)
    except ValueError:
        return False
    return 0 <= value <= 1 and text == f"{value:.6g}"
