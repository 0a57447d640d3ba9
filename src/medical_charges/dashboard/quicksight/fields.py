"""Calculated fields of QuickSight's visuals, with names for people.

A visual shows no column under its name in the file. Each has a calculated field whose name appears
on axes, legends and tooltips. QuickSight sums nothing here: every group is one row, so a figure is
the maximum, which is the only value, of its group.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medical_charges.contract.model import MARGIN
from medical_charges.contract.naming import in_sentence
from medical_charges.contract.outputs import Format
from medical_charges.dashboard.definition.parts import Definition, Group, Visual

Json = dict[str, Any]

EVERYTHING = "All"
"""What a control offers to select nothing, as the page does."""
WITHHELD = "withheld"
NONE = "–"  # noqa: RUF001 - in a table's cell
"""A figure that is not there, for one reason or another."""
_COMMA = ", ', ', "
_NAME_LIMIT = 127
_NUMBERS = 1_000_000
"""Upper bound of a number that sorts behind another group."""
_SHOWN = "yes"

_T = (1.959963985, 2.372271230, 2.822498616, 2.555849680, 1.589534053, 0.732898212)
"""Student's t at 97.5%, as a sum over powers of 1 / (degrees of freedom), as QuickSight has no such
function: off by 0.002% at five of them, and by less than 0.0001% from ten on.

Source of the expansion: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; the last
coefficient makes up for the terms after it."""
_LEAST_PEOPLE = 6


def text(value: str) -> str:
    """A literal in an expression."""
    quote = "'" if "'" not in value else '"'
    if quote in value:
        raise ValueError(f"{value!r} holds both kinds of quotes, which no expression can")
    return f"{quote}{value}{quote}"


def parameter_names(filters: tuple[str, ...]) -> dict[str, str]:
    """The parameter of each filter: letters and digits alone, each once."""
    names: dict[str, str] = {}
    for column in filters:
        name = re.sub("[^A-Za-z0-9]", "", column) or "filter"
        names[column] = name if name not in names.values() else f"{name}{len(names)}"
    return names


@dataclass
class Fields:
    """The calculated fields of a dashboard, made as visuals ask for them."""

    definition: Definition
    columns: Mapping[str, Mapping[str, str]]
    """The columns of every data set, with their types in the Catalog."""
    decimals: int
    """With how many the measure is written, whatever its size: its places must line up."""
    _made: dict[tuple[str, str], str] = field(default_factory=dict)
    _formats: dict[tuple[str, str], Json] = field(default_factory=dict)

    @property
    def calculated(self) -> list[Json]:
        """All of them, as the definition lists them."""
        return [
            {"DataSetIdentifier": data_set, "Name": name, "Expression": expression}
            for (data_set, name), expression in self._made.items()
        ]

    @property
    def formatted(self) -> list[Json]:
        """The formats of fields that a tooltip has and no well, as the definition lists them."""
        return [
            {
                "Column": column(data_set, name),
                "FormatConfiguration": {"NumberFormatConfiguration": {"FormatConfiguration": form}},
            }
            for (data_set, name), form in self._formats.items()
        ]

    def in_tooltip(self, field: Json, kind: Format) -> None:
        """Write a field in tooltips as such a figure is written."""
        form = self.format(kind, NONE)
        self._formats[field["DataSetIdentifier"], field["ColumnName"]] = form

    def add(self, data_set: str, name: str, expression: str) -> Json:
        """A field of a data set, as a visual refers to it; one of the same name is the same."""
        name = _short(name)
        known = self._made.setdefault((data_set, name), expression)
        if known != expression:
            raise ValueError(f"{data_set} would have two fields {name!r}: {known}, {expression}")
        return column(data_set, name)

    def format(self, kind: Format, missing: str = WITHHELD) -> Json:
        """Return the format of a figure, and of a missing one."""
        unit = self.definition.unit if kind == "measure" else None
        decimals = {"share": 1, "measure": self.decimals, "number": 4}.get(kind, 0)
        if kind == "share":
            return {"PercentageDisplayFormatConfiguration": _number(decimals, missing)}
        if unit is None:
            return {"NumberDisplayFormatConfiguration": _number(decimals, missing)}
        if re.fullmatch("[A-Z]{3}", unit):
            currency = _number(decimals, missing) | {"Symbol": unit}
            return {"CurrencyDisplayFormatConfiguration": currency}
        number = _number(decimals, missing) | {"Suffix": f" {unit}"}
        return {"NumberDisplayFormatConfiguration": number}

    def comparison(self, kind: Format) -> Json:
        """Return the format of a difference of two figures, which has no currency."""
        if kind == "share":
            return self.format(kind, NONE)
        decimals = self.decimals if kind == "measure" else 0
        return {"NumberDisplayFormatConfiguration": _number(decimals, NONE)}

    def figure(self, data_set: str, source: str, title: str) -> Json:
        """A figure under the name that people read."""
        return self._titled(data_set, title, f"{{{source}}}", source)

    def mean(self, data_set: str, title: str) -> Json:
        """The mean of a cube's row."""
        people, total, _ = self.definition.figures
        return self._titled(data_set, title, f"{{{total}}} / {{{people}}}", "mean")

    def limit(self, data_set: str, title: str, sign: str) -> Json:
        """A limit of the 95% interval of a cube's row: its mean, `-` or `+` half the interval."""
        people, total, spread = self.definition.figures
        df, mean = f"({{{people}}} - 1)", f"{{{total}}} / {{{people}}}"
        t = str(_T[-1])
        for term in reversed(_T[:-1]):
            t = f"({term} + {t} / {df})"
        half = f"{t} * sqrt({{{spread}}} / {df} / {{{people}}})"
        expression = f"ifelse({_LEAST_PEOPLE - 1} < {{{people}}}, {mean} {sign} {half}, NULL)"
        return self._titled(data_set, title, expression, "limit")

    def of_everybody(self, cube: str, title: str, source: str) -> Json:
        """The same figure of the row of everybody, whichever row a filter leaves."""
        people, total, _ = self.definition.figures
        figure = f"{{{total}}} / {{{people}}}" if source == "mean" else f"{{{source}}}"
        everybody = " AND ".join(self.row(selection=False))
        expression = f"maxOver(ifelse({everybody}, {figure}, NULL), [], PRE_FILTER)"
        return self.add(cube, f"{title} of everybody", expression)

    def whole(self, data_set: str, source: str, title: str) -> Json:
        """A figure of parts, where all of them are shown: otherwise the others would be the whole.

        Then QuickSight says that there is no data.
        """
        missing = f"maxOver(ifelse(isNull({{{source}}}), 1, 0), [], PRE_AGG)"
        expression = f"ifelse({missing} = 0, {{{source}}}, NULL)"
        return self._titled(data_set, title, expression, source)

    def _titled(self, data_set: str, title: str, expression: str, source: str) -> Json:
        """A field by its title, or by another where that is the name of something else."""
        name = title
        # QuickSight may take capitals for small letters.
        if name.lower() in {it.lower() for it in self.columns[data_set]}:
            name = f"The {name[:1].lower()}{name[1:]}"
        if self._made.get((data_set, name), expression) != expression:
            name = f"{name} ({source})"
        return self.add(data_set, name, expression)

    def label(self, data_set: str, sources: tuple[str, ...], figure: str) -> Json:
        """Groups by what they are called, and whether their figures are withheld.

        Groups of several columns are one text: of two fields in a well QuickSight would show
        the first, added up over the second.
        """
        called = [self._called(data_set, source) for source in sources]
        shown = called[0] if len(called) == 1 else f"concat({_COMMA.join(called)})"
        expression = (
            f"ifelse(isNull({{{figure}}}), concat({shown}, {text(f' ({WITHHELD})')}), {shown})"
        )
        name = f"By {self._listed(sources)}"
        # A row may show people alone: then only its mean is withheld.
        if self._made.get((data_set, _short(name)), expression) != expression:
            name = f"{name} ({figure})"
        return self.add(data_set, name, expression)

    def order(self, data_set: str, sources: tuple[str, ...]) -> Json | None:
        """By what groups sort: their places among the known values, themselves if numbers."""
        ordered = ""
        for source in sources:
            place = self._place(data_set, source)
            if place is None:
                return None
            values = self.definition.groups[source].values
            size = _NUMBERS if values is None else len(values) + 1
            ordered = f"({ordered}) * {size} + {place}" if ordered else place
        return self.add(data_set, f"Order of {self._listed(sources)}", ordered)

    def _listed(self, sources: tuple[str, ...]) -> str:
        return " and ".join(in_sentence(self.definition.groups[source].title) for source in sources)

    def _text(self, data_set: str, source: str) -> str:
        """A group's value as text, which a whole number is in one data set and not in another."""
        plain = f"{{{source}}}"
        return plain if self.columns[data_set][source] == "string" else f"toString({plain})"

    def _called(self, data_set: str, source: str) -> str:
        plain, labels = self._text(data_set, source), self.definition.groups[source].labels
        return switch(plain, {value: text(label) for value, label in labels.items()}, plain)

    def _place(self, data_set: str, source: str) -> str | None:
        group = self.definition.groups[source]
        if group.values is not None:
            places = {value: str(place) for place, value in enumerate(group.values)}
            return switch(self._text(data_set, source), places, str(len(places)))
        if group.format != "integer":
            return None
        is_text = self.columns[data_set][source] == "string"
        return f"parseInt({{{source}}})" if is_text else f"{{{source}}}"

    def _chosen(self, name: str) -> str:
        """The selected value of a filter, whose control offers labels."""
        parameter = f"${{{parameter_names(self.definition.filters)[name]}}}"
        labels = labels_of(self.definition.groups[name]) or {}
        cases = {label: text(value) for value, label in labels.items() if label != value}
        return switch(parameter, cases, parameter)

    def selected(self, visual: Visual, cube: str) -> Json:
        """Return the condition of a cube's rows that show the selection, one for each group."""
        conditions = []
        for name in self.definition.filters:
            chosen = f"{{{name}}} = {self._chosen(name)}"
            if name in visual.filtered_groups:
                everybody = f"{self._chosen(name)} = {text(MARGIN)}"
                one = f"{{{name}}} <> {text(MARGIN)}"
                conditions.append(f"({one} AND ({everybody} OR {chosen}))")
            else:
                conditions.append(f"({chosen})")
        return self._shown(cube, f"Shown in {visual.id}", conditions)

    def row(self, *, selection: bool, besides: str | None = None) -> list[str]:
        """Return the condition of the one row of the selection, or of everybody, by filter."""
        return [
            f"({{{name}}} = {self._chosen(name) if selection else text(MARGIN)})"
            for name in self.definition.filters
            if name != besides
        ]

    def total(self, cube: str, *, selection: bool) -> Json:
        """Return the condition of the filter cube's row of the selection, or of everybody."""
        name = "Of the selection" if selection else "Of everybody"
        return self._shown(cube, name, self.row(selection=selection))

    def share(self, cube: str, title: str, where: tuple[str, str], *, selection: bool) -> Json:
        """People with a value, of all who are selected: of those with another value, none."""
        name, value = where
        people = self.definition.figures[0]
        chosen = self._chosen(name)
        others = self.row(selection=selection, besides=name)

        def one(*conditions: str) -> str:
            return " AND ".join([*others, *conditions])

        with_it = one(f"({{{name}}} = {text(value)})")
        everybody = one(f"({{{name}}} = {text(MARGIN)})")
        if not selection:
            part = f"ifelse({with_it}, {{{people}}}, NULL)"
            whole = f"ifelse({everybody}, {{{people}}}, NULL)"
            return self.add(cube, f"{title}, of everybody", f"max({part}) / max({whole})")
        open_ = f"({chosen} = {text(MARGIN)} OR {chosen} = {text(value)})"
        selected = one(f"({{{name}}} = {chosen})")
        closed = f"({chosen} <> {text(MARGIN)} AND {chosen} <> {text(value)})"
        part = f"ifelse({with_it} AND {open_}, {{{people}}}, {selected} AND {closed}, 0, NULL)"
        whole = f"ifelse({selected}, {{{people}}}, NULL)"
        return self.add(cube, f"{title}, of the selection", f"max({part}) / max({whole})")

    def _shown(self, cube: str, name: str, conditions: list[str]) -> Json:
        condition = " AND ".join(conditions)
        return self.add(cube, name, f"ifelse({condition}, {text(_SHOWN)}, 'no')")


def only_shown(name: str, shown: Json, sheet: str, visuals: list[str]) -> Json:
    """The filter that keeps a visual to the rows that it is to show."""
    values = {"MatchOperator": "CONTAINS", "CategoryValues": [_SHOWN]}
    scope = {"SheetId": sheet, "Scope": "SELECTED_VISUALS", "VisualIds": visuals}
    return {
        "FilterGroupId": f"{name}-rows",
        "Filters": [
            {
                "CategoryFilter": {
                    "FilterId": f"{name}-rows-filter",
                    "Column": shown,
                    "Configuration": {"FilterListConfiguration": values},
                }
            }
        ],
        "ScopeConfiguration": {"SelectedSheets": {"SheetVisualScopingConfigurations": [scope]}},
        "Status": "ENABLED",
        "CrossDataset": "SINGLE_DATASET",
    }


def column(data_set: str, name: str) -> Json:
    """Return the reference of a visual to a column or a calculated field."""
    return {"DataSetIdentifier": data_set, "ColumnName": name}


def _number(decimals: int, missing: str) -> Json:
    return {
        "SeparatorConfiguration": {
            "DecimalSeparator": "DOT",
            "ThousandsSeparator": {"Symbol": "COMMA", "Visibility": "VISIBLE"},
        },
        "DecimalPlacesConfiguration": {"DecimalPlaces": decimals},
        "NullValueFormatConfiguration": {"NullString": missing},
    }


def switch(of: str, cases: Mapping[str, str], otherwise: str) -> str:
    """An expression that is the one for the value that another has."""
    if not cases:
        return otherwise
    listed = ", ".join(f"{text(value)}, {result}" for value, result in cases.items())
    return f"switch({of}, {listed}, {otherwise})"


def _short(name: str) -> str:
    """A field's name, cut where QuickSight takes no more, and still another than any other."""
    if len(name) <= _NAME_LIMIT:
        return name
    return f"{name[: _NAME_LIMIT - 9]} {hashlib.sha256(name.encode()).hexdigest()[:8]}"


def labels_of(group: Group) -> dict[str, str] | None:
    """Return what a control offers, by value, if the contract lists the values.

    These are their labels, unless one stands for two values.
    """
    if group.values is None:
        return None
    labels = {MARGIN: EVERYTHING} | {value: group.label(value) for value in group.values}
    alike = len({label.lower() for label in labels.values()}) < len(labels)
    return {value: value for value in labels} if alike else labels


def figure_well(name: str, value: Json, form: Json, *, whole: bool = True) -> Json:
    """A figure in a well; one that is worked out over rows has no aggregation."""
    return {
        "NumericalMeasureField": {
            "FieldId": name,
            "Column": value,
            "FormatConfiguration": {"FormatConfiguration": form},
        }
        | ({"AggregationFunction": {"SimpleNumericalAggregation": "MAX"}} if whole else {})
    }


def shown_title(words: str) -> Json:
    """Return a title, or a subtitle, that is shown."""
    return {"Visibility": "VISIBLE", "FormatText": {"PlainText": words}}
