"""One workbook of all published outputs: a sheet for each, and two that describe them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format as Style
from xlsxwriter.worksheet import Worksheet

from medical_charges.contract import Contract
from medical_charges.contract.outputs import NULL, Empty, Output, OutputColumn, read_csv
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.definition.groups import group_of
from medical_charges.dashboard.definition.parts import Definition
from medical_charges.dashboard.published import Published, read_published
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore

WITHHELD, NOTHING = "withheld", "–"  # noqa: RUF001 - as on the dashboard
"""Text of a cell whose figure is withheld, and of one whose figure does not exist."""

HEAD_ROW = 3
"""Row of the columns' titles on a sheet of an output, counted from 0."""

_SHEETS = ("Outputs", "Columns")
_NAME_LIMIT, _TEXT_LIMIT, _WIDTH_LIMIT = 31, 32_767, 400
"""Most characters of a sheet's name and of a cell, as Excel has it, and pixels of a column."""
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of texts that a worksheet takes for formulas when a person edits the cell."""

_GRAY = {"font_color": "#595959", "align": "right"}
_LOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "title": {"bold": True, "font_size": 14},
    "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "withheld": _GRAY | {"italic": True, "bg_color": "#EDEDED"},
    "nothing": _GRAY,
}
_FORMATS: dict[str, str] = {
    "integer": "0",
    "count": "#,##0",
    "share": "0.0%",
    "number": "#,##0.0000",
    "p": "0.0000",
}
"""Formats of figures, by `OutputColumn.format`; that of the measure depends on the contract."""

_EMPTY: Mapping[Empty, str] = {
    "suppressed": "in rows that are withheld",
    "counted": "in rows that show people alone",
    "single": "and for a group of one",
    "absent": "and where one of the groups is empty, or has nobody in a layer",
    "untested": "and where the test does not exist",
    "few": "and where too few are on a side of it",
    "withheld": "always, by the contract",
}
_DIGITS = (
    "A worksheet shows 15 digits of a number, and the CSVs in Output_data have all. Totals that a "
    "worksheet makes leave out what is withheld: use the published rows."
)


def save_workbook(out: Path, contract: Contract) -> Path:
    """Write the workbook of the published outputs in a folder, and return its path.

    Raises:
        ManifestError: the manifests do not lead to the published outputs.
        MedicalChargesError: the file cannot be written.
    """
    store, key = LocalStore(out), Layout(contract.prefix).workbook
    data = make_workbook(read_published(store, contract), contract)
    try:
        store.write(key, data)
    except OSError as error:
        raise MedicalChargesError(
            f"{out / key} cannot be written: {error.strerror}. Is it open in another program?"
        ) from error
    return out / key


def make_workbook(published: Published, contract: Contract) -> bytes:
    """Return the workbook of published outputs; the same bytes for the same outputs."""
    file = io.BytesIO()
    with Workbook(file, {"in_memory": True}) as workbook:
        _Tables(workbook, published, contract).write()
    return file.getvalue()


class _Styles:
    """The formats of cells, made as they are asked for."""

    def __init__(self, workbook: Workbook, contract: Contract) -> None:
        self._workbook, self._made = workbook, dict[tuple[str, bool], Style]()
        unit = contract.dashboard.unit
        self.currency = unit if unit and re.fullmatch("[A-Z]{3}", unit) else None
        # Means have a decimal more than what they are of, and money has cents.
        decimals = min(contract.decimals + 1, 2 if self.currency else 6)
        measure = f"#,##0.{'0' * decimals}"
        formats = _FORMATS | {
            "measure": f"[${self.currency}] {measure}" if self.currency else measure
        }
        self._looks = _LOOKS | {name: {"num_format": text} for name, text in formats.items()}

    def of(self, name: str, *, inert: bool = False) -> Style:
        """Return a format; an inert one keeps a text a text when a person edits the cell."""
        if (name, inert) not in self._made:
            self._made[name, inert] = self._workbook.add_format(self._looks[name])
            self._made[name, inert].set_quote_prefix(inert)
        return self._made[name, inert]


class _Tables:
    """The sheets of a workbook."""

    def __init__(self, workbook: Workbook, published: Published, contract: Contract) -> None:
        self._workbook, self._published, self._contract = workbook, published, contract
        self._definition = define(contract)
        self._styles = _Styles(workbook, contract)
        self._names = _sheet_names(contract.outputs)

    def write(self) -> None:
        run = self._published.run
        with suppress(ValueError):
            started = datetime.strptime(run.run_id[:15], "%Y%m%dT%H%M%S")
            self._workbook.set_properties({"created": started})
        sheets = [self._workbook.add_worksheet(name) for name in _SHEETS]
        self._write_outputs(sheets[0])
        self._write_columns(sheets[1])
        for name, output in self._contract.outputs.items():
            self._write_output(self._workbook.add_worksheet(self._names[name]), output)

    def _write_outputs(self, sheet: Worksheet) -> None:
        definition, run = self._definition, self._published.run
        self._text(sheet, 0, 0, definition.title, "title")
        facts = [
            *definition.source,
            ("Run", run.run_id),
            ("Rows read", f"{run.rows:,}"),
            ("Rows rejected", f"{run.rejected:,}"),
            ("Withheld", _withheld(definition)),
            ("Digits", _DIGITS),
        ]
        for row, (name, text) in enumerate(facts, start=2):
            self._text(sheet, row, 0, name, "head")
            self._text(sheet, row, 1, text)
        first = len(facts) + 3
        self._row(sheet, first, ("Sheet", "Title", "Rows", "Unit", "Run"), "head")
        link = self._workbook.get_default_url_format()
        for row, (name, output) in enumerate(self._contract.outputs.items(), start=first + 1):
            target = f"internal:'{self._names[name]}'!A1"
            sheet.write_url(row, 0, target, link, string=self._names[name])
            self._text(sheet, row, 1, self._title(output))
            _, rows = self._table(name)
            sheet.write_number(row, 2, len(rows), self._styles.of("count"))
            self._text(sheet, row, 3, definition.unit or "")
            self._text(sheet, row, 4, run.waiting.get(name, run.run_id))
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 60)
        sheet.set_column(4, 4, 36)

    def _write_columns(self, sheet: Worksheet) -> None:
        heads = ("Sheet", "Column", "Name in the CSV", "Unit", "Description", "Empty or withheld")
        self._row(sheet, 0, heads, "head")
        described = (
            (self._names[name], column)
            for name, output in self._contract.outputs.items()
            for column in output.columns
        )
        for row, (name, column) in enumerate(described, start=1):
            empty = "" if column.role == "label" else _EMPTY[column.empty]
            unit = (self._definition.unit or "") if column.format == "measure" else ""
            texts = (name, column.title, column.name, unit, column.comment, empty)
            self._row(sheet, row, texts)
        sheet.freeze_panes(1, 0)
        sheet.autofit(_WIDTH_LIMIT)

    def _write_output(self, sheet: Worksheet, output: Output) -> None:
        columns, rows = self._table(output.name)
        self._text(sheet, 0, 0, self._title(output), "title")
        self._text(sheet, 1, 0, self._note(output.name))
        heads = [self._head(column) for column in output.columns]
        self._row(sheet, HEAD_ROW, heads, "head")
        labels = {
            column.name: group_of(self._contract, column.name).labels
            for column in output.labels
            if output.kind != "comparisons"
        }
        compared = self._contract.comparisons if output.kind == "comparisons" else {}
        over = {name for name, it in compared.items() if it.standardized_over}
        for row, texts in enumerate(rows, start=HEAD_ROW + 1):
            fields = dict(zip(columns, texts, strict=True))
            standardized = fields.get("comparison") in over
            for place, column in enumerate(output.columns):
                text = fields[column.name]
                if column.role == "label":
                    text = labels.get(column.name, {}).get(text, text)
                    self._label(sheet, row, place, text, column)
                elif text != NULL:
                    style = self._styles.of(column.format)
                    sheet.write_number(row, place, float(text), style)
                elif _is_withheld(output, column, fields, standardized=standardized):
                    sheet.write_string(row, place, WITHHELD, self._styles.of("withheld"))
                else:
                    sheet.write_string(row, place, NOTHING, self._styles.of("nothing"))
        sheet.freeze_panes(HEAD_ROW + 1, len(output.labels))
        if rows:
            sheet.autofilter(HEAD_ROW, 0, HEAD_ROW + len(rows), len(columns) - 1)
        sheet.set_column(0, len(columns) - 1, 18)

    def _label(
        self, sheet: Worksheet, row: int, place: int, text: str, column: OutputColumn
    ) -> None:
        if column.type == "bigint" and text.lstrip("-").isdigit():
            sheet.write_number(row, place, int(text), self._styles.of("integer"))
        else:
            self._text(sheet, row, place, text)

    def _table(self, name: str) -> tuple[list[str], list[list[str]]]:
        return read_csv(self._published.tables[name])

    def _title(self, output: Output) -> str:
        if output.kind == "cube":
            names = [self._contract.called(column.name) for column in output.labels]
            return f"Filter cube: {', '.join(names)}"
        if self._definition.compared and output.kind == "comparisons":
            return self._definition.compared.title
        return next(it.face.title for it in self._definition.visuals if it.output == output.name)

    def _note(self, name: str) -> str:
        run = self._published.run
        if reason := run.withheld.get(name):
            return f"Withheld as a whole: {reason}."
        if earlier := run.waiting.get(name):
            return (
                f"As run {earlier} published it: some group has changed by too few "
                f"{self._definition.units} since. {_withheld(self._definition)}"
            )
        return _withheld(self._definition)

    def _head(self, column: OutputColumn) -> str:
        unit = self._definition.unit
        named = column.format == "measure" and unit and not self._styles.currency
        return f"{column.title} ({unit})" if named else column.title

    def _row(self, sheet: Worksheet, row: int, texts: Sequence[str], style: str = "plain") -> None:
        for place, text in enumerate(texts):
            self._text(sheet, row, place, text, style)

    def _text(
        self, sheet: Worksheet, row: int, place: int, text: str, style: str = "plain"
    ) -> None:
        """Write a text as a text, whatever it begins with."""
        made = self._styles.of(style, inert=text.startswith(_ACTIVE))
        sheet.write_string(row, place, text[:_TEXT_LIMIT], made)


def _is_withheld(
    output: Output, column: OutputColumn, fields: Mapping[str, str], *, standardized: bool
) -> bool:
    """Return True if a figure is missing to protect a small group, and not for want of it."""
    if column.empty in {"few", "withheld"}:
        return True
    counts = {fields[it.name] for it in output.figures if it.role == "count"}
    if standardized and NULL not in counts:
        # One of the groups has nobody in a layer.
        return False
    # Of nobody there is no mean, and of one person no deviation.
    if "0" in counts or (column.empty == "single" and counts == {"1"}):
        return False
    return output.detail(fields) != "shown"


def _withheld(definition: Definition) -> str:
    return (
        f"Figures of groups of fewer than {definition.threshold} are {WITHHELD}, and as many "
        f"others as it takes that none of these can be computed. {NOTHING} is a figure that does "
        f"not exist."
    )


def _sheet_names(outputs: Iterable[str]) -> dict[str, str]:
    """Return a name of a sheet for each output: Excel takes 31 characters, and capitals for small.

    Outputs are named by small letters, digits and `_`, all of which it takes.
    """
    found: dict[str, str] = {}
    taken = {name.lower() for name in (*_SHEETS, "history")}
    for output in outputs:
        name, number = output[:_NAME_LIMIT], 1
        while name in taken:
            number += 1
            name = f"{output[: _NAME_LIMIT - len(str(number)) - 1]}_{number}"
        found[output] = name
        taken.add(name)
    return found
