"""What QuickSight's visuals show of a data set: calculated fields with names for people.

A visual shows no column as it is called in the file. Each is given a calculated field whose name
is what axes, legends and tooltips say. QuickSight sums nothing here: every group is one row, so
that a figure is the greatest, which is the only one, of its group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboards.definition import Definition, Format, Group, Visual
from medical_charges.contract.model import MARGIN

Json = dict[str, Any]

WITHHELD = "withheld"
_SHOWN = "yes"


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
    outputs: Mapping[str, tuple[str, ...]]
    """The columns of every data set."""
    _made: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def calculated(self) -> list[Json]:
        """All of them, as the definition lists them."""
        return [
            {"DataSetIdentifier": data_set, "Name": name, "Expression": expression}
            for (data_set, name), expression in self._made.items()
        ]

    def add(self, data_set: str, name: str, expression: str) -> Json:
        """A field of a data set, as a visual refers to it; one of the same name is the same."""
        known = self._made.setdefault((data_set, name), expression)
        if known != expression:
            raise ValueError(f"{data_set} would have two fields {name!r}: {known}, {expression}")
        return column(data_set, name)

    def figure(self, data_set: str, source: str, title: str) -> Json:
        """A figure under the name that people read."""
        name, expression = title, f"{{{source}}}"
        if name.lower() in self._columns(data_set):
            name = f"The {name[:1].lower()}{name[1:]}"
        if self._made.get((data_set, name), expression) != expression:
            name = f"{name} ({source})"
        return self.add(data_set, name, expression)

    def _columns(self, data_set: str) -> set[str]:
        """What a field may not be called: QuickSight may take capitals for small letters."""
        return {name.lower() for name in self.outputs[data_set]}

    def mean(self, data_set: str, title: str) -> Json:
        """The mean of a cube's row."""
        people, total, _ = self.definition.figures
        return self.add(data_set, title, f"{{{total}}} / {{{people}}}")

    def label(self, data_set: str, source: str, figure: str) -> Json:
        """A group by what it is called, and whether its figures are withheld."""
        group = self.definition.groups[source]
        plain = f"toString({{{source}}})" if group.format == "integer" else f"{{{source}}}"
        shown = _switch(plain, {v: text(label) for v, label in group.labels.items()}, plain)
        return self.add(
            data_set,
            f"By {_inline(group.title)}",
            f"ifelse(isNull({{{figure}}}), concat({shown}, {text(f' ({WITHHELD})')}), {shown})",
        )

    def order(self, data_set: str, source: str) -> Json | None:
        """By what a group sorts: its place among the known values, itself if it is a number."""
        group = self.definition.groups[source]
        if group.values is None:
            return column(data_set, source) if group.format == "integer" else None
        places = {value: str(place) for place, value in enumerate(group.values)}
        expression = _switch(f"{{{source}}}", places, str(len(places)))
        return self.add(data_set, f"Order of {_inline(group.title)}", expression)

    def selected(self, visual: Visual, cube: str) -> Json:
        """Whether a row of a cube is one that a visual shows of the selection: one a group."""
        parameters = parameter_names(self.definition.filters)
        conditions = []
        for name in self.definition.filters:
            chosen = f"{{{name}}} = ${{{parameters[name]}}}"
            if name in visual.filtered_groups:
                everybody = f"${{{parameters[name]}}} = {text(MARGIN)}"
                one = f"{{{name}}} <> {text(MARGIN)}"
                conditions.append(f"({one} AND ({everybody} OR {chosen}))")
            else:
                conditions.append(f"({chosen})")
        return self._shown(cube, f"Shown in {visual.id}", conditions)

    def row(self, *, selection: bool, besides: str | None = None) -> list[str]:
        """What holds for the one row of the selection, or of everybody, in each filter's column."""
        parameters = parameter_names(self.definition.filters)
        return [
            f"({{{name}}} = {f'${{{parameters[name]}}}' if selection else text(MARGIN)})"
            for name in self.definition.filters
            if name != besides
        ]

    def total(self, cube: str, *, selection: bool) -> Json:
        """Whether a row of the cube of the filters is the one of the selection, or everybody's."""
        name = "Of the selection" if selection else "Of everybody"
        return self._shown(cube, name, self.row(selection=selection))

    def share(self, cube: str, title: str, where: tuple[str, str], *, selection: bool) -> Json:
        """People with a value, of all who are selected: of those with another value, none."""
        name, value = where
        people = self.definition.figures[0]
        chosen = f"${{{parameter_names(self.definition.filters)[name]}}}"
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
    """How a visual refers to a column or a calculated field."""
    return {"DataSetIdentifier": data_set, "ColumnName": name}


def number_format(kind: Format, unit: str | None) -> Json:
    """How figures are written; one that is empty is withheld."""
    separators = {
        "DecimalSeparator": "DOT",
        "ThousandsSeparator": {"Symbol": "COMMA", "Visibility": "VISIBLE"},
    }
    common: Json = {
        "SeparatorConfiguration": separators,
        "DecimalPlacesConfiguration": {"DecimalPlaces": 1 if kind == "share" else 0},
        "NullValueFormatConfiguration": {"NullString": WITHHELD},
    }
    if kind == "share":
        return {"PercentageDisplayFormatConfiguration": common}
    if kind == "measure" and unit is not None:
        if re.fullmatch("[A-Z]{3}", unit):
            return {"CurrencyDisplayFormatConfiguration": common | {"Symbol": unit}}
        return {"NumberDisplayFormatConfiguration": common | {"Suffix": f" {unit}"}}
    return {"NumberDisplayFormatConfiguration": common}


def plain_format(places: int) -> Json:
    """How a number without a unit is written."""
    return {
        "NumberDisplayFormatConfiguration": {
            "DecimalPlacesConfiguration": {"DecimalPlaces": places},
            "NullValueFormatConfiguration": {"NullString": WITHHELD},
        }
    }


def _switch(of: str, cases: Mapping[str, str], otherwise: str) -> str:
    if not cases:
        return otherwise
    listed = ", ".join(f"{text(value)}, {result}" for value, result in cases.items())
    return f"switch({of}, {listed}, {otherwise})"


def _inline(title: str) -> str:
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def values_of(group: Group) -> list[str] | None:
    """What a control offers, if the contract says."""
    return None if group.values is None else [MARGIN, *group.values]
