"""Check that the parts of a template refer to what is there, as QuickSight does at deployment.

botocore knows a definition's shape and not what its names mean: a column that no data set has,
or a chart without alt text, is found when the dashboard is made, or by who cannot see it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from typing import Any

from medical_charges.contract.model import MARGIN
from medical_charges.dashboard.quicksight.fields import Json
from medical_charges.dashboard.quicksight.layout import WIDTH
from tests.unit.dashboard.expressions import ExpressionError, Type, type_of

_NAME_LIMIT = 127
"""CloudFormation's limit of a calculated field's name; QuickSight's own is one more."""

_WANTED: Mapping[str, Type] = {
    "CategoricalDimensionField": "text",
    "NumericalMeasureField": "number",
    "ColumnSort": "number",
    "ColumnTooltipItem": "number",
}


def template_problems(template: Json) -> list[str]:
    """A sentence for everything that a template refers to and that is not there."""
    resources = template["Resources"]
    found = [
        f"{name} refers to the resource {target}, which does not exist"
        for name, resource in resources.items()
        for target in _resources_in(resource)
        if target not in resources
    ]
    data_sets = {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"].endswith("::DataSet")
    }
    for name, properties in data_sets.items():
        found += [f"{name}: {problem}" for problem in _cast_problems(properties)]
    for name, resource in resources.items():
        definition = resource["Properties"].get("Definition")
        if definition is None:
            continue
        columns = {}
        for declared in definition["DataSetIdentifierDeclarations"]:
            target = next(iter(_resources_in(declared)), "")
            if target in data_sets:
                columns[declared["Identifier"]] = _types(data_sets[target])
        found += [f"{name}: {problem}" for problem in definition_problems(definition, columns)]
    return found


def definition_problems(
    definition: Json, data_sets: Mapping[str, Mapping[str, Type]]
) -> Iterator[str]:
    """Find references of a definition that do not exist in data sets with these columns."""
    declared = [it["Identifier"] for it in definition["DataSetIdentifierDeclarations"]]
    yield from _twice("data set", declared)
    known = {name: dict(data_sets.get(name, {})) for name in declared}
    calculated = definition.get("CalculatedFields", [])
    yield from _twice(
        "calculated field", [f"{it['DataSetIdentifier']}.{it['Name']}" for it in calculated]
    )
    parameters = {
        next(iter(it.values()))["Name"]: next(iter(it.values()))
        for it in definition.get("ParameterDeclarations", [])
    }
    found: dict[str, dict[str, Type]] = {name: {} for name in declared}
    for it in calculated:
        yield from _expression_problems(it, known, found, parameters)
    known = {name: columns | found[name] for name, columns in known.items()}
    for where, reference in _column_references(definition):
        data_set, name = reference["DataSetIdentifier"], reference["ColumnName"]
        if data_set not in declared:
            yield f"{where} reads the data set {data_set}, which is not declared"
        elif name not in known[data_set]:
            yield f"{where} reads {name}, which is no column of {data_set}"
    yield from _well_problems(definition, known)
    yield from _sheet_problems(definition, parameters)
    yield from _filter_problems(definition)
    yield from _margin_problems(definition)


def _expression_problems(
    field: Json,
    known: Mapping[str, Mapping[str, Type]],
    found: Mapping[str, dict[str, Type]],
    parameters: Collection[str],
) -> Iterator[str]:
    """Find the problems of a calculated field, whose type is added to the known ones."""
    data_set, name = field["DataSetIdentifier"], field["Name"]
    where = f"the calculated field {name} of {data_set}"
    if data_set not in known:
        yield f"{where} belongs to a data set that is not declared"
        return
    if len(name) > _NAME_LIMIT:
        yield f"{where} has a name of {len(name)} characters, {_NAME_LIMIT} are taken"
    if name.lower() in {column.lower() for column in known[data_set]}:
        yield f"{where} is called as a column of it"
    found[data_set][name] = "nothing"
    try:
        found[data_set][name] = type_of(field["Expression"], known[data_set], parameters)
    except ExpressionError as error:
        yield f"{where} {error}"


def _well_problems(definition: Json, known: Mapping[str, Mapping[str, Type]]) -> Iterator[str]:
    """Fields of a type that their place does not take, and wells that would be drilled into."""
    for sheet in definition["Sheets"]:
        for visual in visuals_of(sheet):
            name = visual["VisualId"]
            for kind, wanted in _WANTED.items():
                for it in _all_of(visual, kind):
                    reference = it.get("Column") or it["SortBy"]
                    types = known.get(reference["DataSetIdentifier"], {})
                    found = types.get(reference["ColumnName"], "nothing")
                    if found not in {wanted, "nothing"}:
                        yield f"{name} takes {reference['ColumnName']} for a {wanted}"
            for well in ("Category", "Colors"):
                for fields in _all_of(visual["ChartConfiguration"]["FieldWells"], well):
                    if len(fields) > 1:
                        yield f"{name} would show the first of several fields in {well}"


def _sheet_problems(definition: Json, parameters: Mapping[str, Json]) -> Iterator[str]:
    sheets = definition["Sheets"]
    yield from _twice("sheet", [it["SheetId"] for it in sheets])
    visuals = [visual for sheet in sheets for visual in visuals_of(sheet)]
    yield from _twice("visual", [it["VisualId"] for it in visuals])
    yield from _twice("field", [name for it in visuals for name in _fields_of(it)])
    for visual in visuals:
        name = visual["VisualId"]
        if not visual.get("VisualContentAltText", "").strip():
            yield f"{name} has no alt text"
        own = set(_fields_of(visual))
        for used in _values_of(visual["ChartConfiguration"], "FieldId"):
            if used not in own:
                yield f"{name} sorts or tells by the field {used}, which it does not have"
    controlled = []
    for sheet in sheets:
        controls = [next(iter(it.values())) for it in sheet.get("ParameterControls", [])]
        controlled += [it["SourceParameterName"] for it in controls]
        for control in controls:
            yield from _control_problems(control, parameters)
        yield from _layout_problems(sheet, [it["ParameterControlId"] for it in controls])
    for name in parameters:
        if name not in controlled:
            yield f"nothing sets the parameter {name}"


def _control_problems(control: Json, parameters: Mapping[str, Json]) -> Iterator[str]:
    where, name = control["ParameterControlId"], control["SourceParameterName"]
    if name not in parameters:
        yield f"{where} sets the parameter {name}, which is not declared"
        return
    defaults = parameters[name]["DefaultValues"]["StaticValues"]
    offered = control["SelectableValues"].get("Values")
    if offered is None:
        if defaults != [MARGIN]:
            yield f"{where} does not begin with {MARGIN}"
    elif defaults != offered[:1]:
        yield f"{where} does not begin with {', '.join(defaults)}"


def _layout_problems(sheet: Json, controls: list[str]) -> Iterator[str]:
    there = [it["VisualId"] for it in visuals_of(sheet)]
    there += [it["SheetTextBoxId"] for it in sheet.get("TextBoxes", [])] + controls
    laid = _values_of([sheet["Layouts"], sheet.get("SheetControlLayouts", [])], "ElementId")
    for name in set(laid) - set(there):
        yield f"{sheet['SheetId']} lays out {name}, which it does not have"
    for name in set(there) - set(laid):
        yield f"{sheet['SheetId']} has {name}, and lays it out nowhere"
    for grid in _all_of(sheet["Layouts"], "Elements"):
        for it in grid:
            if it["ColumnIndex"] + it["ColumnSpan"] > WIDTH:
                yield f"{sheet['SheetId']} lays {it['ElementId']} beyond its grid"
        for one, other in combinations(grid, 2):
            if _touch(one, other, "Column") and _touch(one, other, "Row"):
                yield f"{sheet['SheetId']} lays {one['ElementId']} over {other['ElementId']}"


def _touch(one: Json, other: Json, way: str) -> bool:
    """Return True if two elements share a column of the grid, or a row."""
    first, second = sorted((it[f"{way}Index"], it[f"{way}Span"]) for it in (one, other))
    return bool(first[0] + first[1] > second[0])


def _filter_problems(definition: Json) -> Iterator[str]:
    groups = definition.get("FilterGroups", [])
    yield from _twice("filter group", [it["FilterGroupId"] for it in groups])
    yield from _twice("filter", _values_of(groups, "FilterId"))
    sheets = {
        it["SheetId"]: {visual["VisualId"] for visual in visuals_of(it)}
        for it in definition["Sheets"]
    }
    for group in groups:
        for scope in _scopes(group):
            missing = set(scope["VisualIds"]) - sheets.get(scope["SheetId"], set())
            for name in sorted(missing):
                yield f"{group['FilterGroupId']} filters {name}, which {scope['SheetId']} has not"


def _margin_problems(definition: Json) -> Iterator[str]:
    """A visual of a data set that others are filtered in would add its margins to its groups."""
    filtered: dict[str, set[str]] = {}
    for group in definition.get("FilterGroups", []):
        for _, reference in _column_references(group):
            names = {name for scope in _scopes(group) for name in scope["VisualIds"]}
            filtered.setdefault(reference["DataSetIdentifier"], set()).update(names)
    whole = {
        (it["DataSetIdentifier"], it["Name"])
        for it in definition.get("CalculatedFields", [])
        if it["Expression"].startswith("max(")
    }
    for sheet in definition["Sheets"]:
        for visual in visuals_of(sheet):
            for _, reference in _column_references(visual):
                data_set = reference["DataSetIdentifier"]
                if (data_set, reference["ColumnName"]) in whole or data_set not in filtered:
                    continue
                if visual["VisualId"] not in filtered[data_set]:
                    yield f"{visual['VisualId']} reads every row of {data_set}, margins included"
                    break


def _scopes(group: Json) -> list[Json]:
    selected = group["ScopeConfiguration"]["SelectedSheets"]
    return list(selected["SheetVisualScopingConfigurations"])


def visuals_of(sheet: Json) -> list[Json]:
    """A sheet's visuals, whatever kind they are of."""
    return [next(iter(it.values())) for it in sheet["Visuals"]]


def _fields_of(visual: Json) -> list[str]:
    return _values_of(visual["ChartConfiguration"]["FieldWells"], "FieldId")


def _column_references(value: Any, where: str = "the definition") -> Iterator[tuple[str, Json]]:
    if isinstance(value, list):
        for item in value:
            yield from _column_references(item, where)
    elif isinstance(value, dict):
        for key in ("VisualId", "FilterGroupId", "ParameterControlId"):
            where = value.get(key, where)
        if "ColumnName" in value and "DataSetIdentifier" in value:
            yield where, value
        for item in value.values():
            yield from _column_references(item, where)


def _values_of(value: Any, key: str) -> list[str]:
    return list(_all_of(value, key))


def _all_of(value: Any, key: str) -> Iterator[Any]:
    """Return all values under a key, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _all_of(item, key)
    elif isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from _all_of(item, key)


def _resources_in(value: Any) -> list[str]:
    return [target[0] for target in _values_of(value, "Fn::GetAtt")]


def _types(properties: Json) -> dict[str, Type]:
    """A data set's columns as its casts leave them: what is cast is cast to a number."""
    types: dict[str, Type] = dict.fromkeys(_columns(properties), "text")
    for cast in _all_of(properties["LogicalTableMap"], "CastColumnTypeOperation"):
        if cast["ColumnName"] in types:
            types[cast["ColumnName"]] = "number"
    return types


def _columns(properties: Json) -> list[str]:
    tables = properties["PhysicalTableMap"].values()
    return [it["Name"] for table in tables for it in table["S3Source"]["InputColumns"]]


def _cast_problems(properties: Json) -> Iterator[str]:
    columns = _columns(properties)
    yield from _twice("column", columns)
    for table in properties["LogicalTableMap"].values():
        for name in _values_of(table, "ColumnName"):
            if name not in columns:
                yield f"{name} is cast, which is no column"


def _twice(kind: str, names: list[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"the {kind} {name} is there {times} times"
