"""The QuickSight template: what QuickSight would refuse, and whom a selection shows."""

from __future__ import annotations

import copy
import itertools
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from dashboards.definition import define
from dashboards.quicksight.references import template_problems, visuals_of
from dashboards.quicksight.template import template
from medical_charges.contract import Contract, load_contract
from medical_charges.storage import LocalStore
from tests.conftest import ROOT
from tests.helpers import outputs_of, rows

Json = dict[str, Any]
CONTRACTS = [ROOT / "contracts" / "medical_charges.yaml", ROOT / "tests" / "data" / "visits.yaml"]


@pytest.fixture(scope="module")
def real() -> Contract:
    return load_contract(CONTRACTS[0])


@pytest.fixture
def made(real: Contract) -> Json:
    return template(real)


def definition_in(found: Json) -> Json:
    definition: Json = found["Resources"]["Dashboard"]["Properties"]["Definition"]
    return definition


def filled_in(value: Any) -> Any:
    """A template's value with something in place of what CloudFormation puts in."""
    if isinstance(value, list):
        return [filled_in(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() & {"Ref", "Fn::GetAtt", "Fn::Join"}:
        return "arn:aws:quicksight:us-east-1:123456789012:user/default/x"
    if "Fn::If" in value:
        return filled_in(value["Fn::If"][1])
    return {key: filled_in(item) for key, item in value.items()}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.stem)
def test_every_resource_has_the_shape_of_the_call_that_makes_it(contract: Any) -> None:
    model = Session().get_service_model("quicksight")
    for name, resource in template(load_contract(contract))["Resources"].items():
        call = model.operation_model(f"Create{resource['Type'].rpartition(':')[2]}")
        assert call.input_shape
        report = ParamValidator().validate(filled_in(resource["Properties"]), call.input_shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.stem)
def test_everything_that_is_referred_to_is_there(contract: Any) -> None:
    assert template_problems(template(load_contract(contract))) == []


def first(found: Json, kind: str, sheet: int = 0) -> Json:
    visuals = definition_in(found)["Sheets"][sheet]["Visuals"]
    visual: Json = next(it[kind] for it in visuals if kind in it)
    return visual


def wells(found: Json, kind: str, inner: str) -> Json:
    found_: Json = first(found, kind)["ChartConfiguration"]["FieldWells"][inner]
    return found_


def unknown_data_set(found: Json) -> None:
    value = wells(found, "BarChartVisual", "BarChartAggregatedFieldWells")["Values"][0]
    value["NumericalMeasureField"]["Column"]["DataSetIdentifier"] = "nowhere"


def unknown_column(found: Json) -> None:
    value = wells(found, "LineChartVisual", "LineChartAggregatedFieldWells")["Values"][0]
    value["NumericalMeasureField"]["Column"]["ColumnName"] = "median"


def data_set_without_a_source(found: Json) -> None:
    name = next(it for it in found["Resources"] if it.startswith("DataSource"))
    del found["Resources"][name]


def column_gone_from_a_data_set(found: Json) -> None:
    table = found["Resources"]["DataSetchargesXbyXage"]["Properties"]["PhysicalTableMap"]["file"]
    del table["S3Source"]["InputColumns"][0]


def same_field_twice(found: Json) -> None:
    values = wells(found, "BarChartVisual", "BarChartAggregatedFieldWells")["Values"]
    values[1]["NumericalMeasureField"]["FieldId"] = values[0]["NumericalMeasureField"]["FieldId"]


def no_alt_text(found: Json) -> None:
    del first(found, "PieChartVisual")["VisualContentAltText"]


def empty_alt_text(found: Json) -> None:
    first(found, "TableVisual")["VisualContentAltText"] = " "


def parameter_that_nobody_declares(found: Json) -> None:
    del definition_in(found)["ParameterDeclarations"][0]


def control_without_all(found: Json) -> None:
    control = definition_in(found)["Sheets"][1]["ParameterControls"][0]["Dropdown"]
    control["SelectableValues"]["Values"].remove("all")


def filter_of_a_visual_that_is_gone(found: Json) -> None:
    group = definition_in(found)["FilterGroups"][-1]
    scope = group["ScopeConfiguration"]["SelectedSheets"]["SheetVisualScopingConfigurations"][0]
    scope["VisualIds"] = ["gone"]


def margins_among_the_groups(found: Json) -> None:
    del definition_in(found)["FilterGroups"][-1]


def sort_by_another_visual(found: Json) -> None:
    tooltip = first(found, "BarChartVisual")["ChartConfiguration"]["Tooltip"]
    tooltip["FieldBasedTooltip"]["TooltipFields"][0]["FieldTooltipItem"]["FieldId"] = "other"


def visual_that_is_laid_out_nowhere(found: Json) -> None:
    layout = definition_in(found)["Sheets"][0]["Layouts"][0]["Configuration"]["GridLayout"]
    del layout["Elements"][0]


def expression_of_an_unknown_column(found: Json) -> None:
    field = definition_in(found)["CalculatedFields"][0]
    field["Expression"] = "{people}"


BROKEN: dict[Callable[[Json], None], str] = {
    unknown_data_set: "reads the data set nowhere, which is not declared",
    unknown_column: "reads median, which is no column of charges_by_age",
    data_set_without_a_source: "which does not exist",
    column_gone_from_a_data_set: "age, which is no column",
    same_field_twice: "the field everybody-charges_by_region-mean_charges is there 2 times",
    no_alt_text: "everybody-charges_by_bmi_category has no alt text",
    empty_alt_text: "everybody-comparisons has no alt text",
    parameter_that_nobody_declares: "uses the parameter region, which is not declared",
    control_without_all: "selection-control-region does not begin with all",
    filter_of_a_visual_that_is_gone: "filters gone, which selection has not",
    margins_among_the_groups: "reads every row of cube_region_sex_smoker, margins included",
    sort_by_another_visual: "sorts or tells by the field other, which it does not have",
    visual_that_is_laid_out_nowhere: "has everybody-people, and lays it out nowhere",
    expression_of_an_unknown_column: "reads people, which is no column of it",
}


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda breaking: breaking.__name__)
def test_what_refers_to_nothing_is_found(made: Json, breaking: Callable[[Json], None]) -> None:
    found = copy.deepcopy(made)
    breaking(found)
    assert BROKEN[breaking] in "\n".join(template_problems(found))


def test_nobody_but_the_owner_has_a_share_unless_there_are_readers(made: Json) -> None:
    for name, resource in made["Resources"].items():
        owner, *others = resource["Properties"]["Permissions"]
        assert owner["Principal"] == {"Ref": "Owner"}
        assert len(others) == (name == "Dashboard")
    shared = made["Resources"]["Dashboard"]["Properties"]["Permissions"][1]["Fn::If"]
    assert shared[0] == "Shared"
    assert not [it for it in shared[1]["Actions"] if re.search("Update|Delete|Create", it)]


@pytest.fixture(scope="module")
def published(real: Contract, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    store = LocalStore(tmp_path_factory.mktemp("published"))
    return outputs_of(store, real, {"Charges.csv": (ROOT / "data" / "Charges.csv").read_bytes()})


def _ifelse(*arguments: Any) -> Any:
    pairs = zip(arguments[:-1:2], arguments[1::2], strict=True)
    return next((value for condition, value in pairs if condition), arguments[-1])


def worked_out(expression: str, row: dict[str, str], chosen: dict[str, str]) -> Any:
    """As much of QuickSight's expressions of one row as filters and tiles use."""
    text = re.sub(r"\$\{(\w+)\}", lambda match: repr(chosen[match[1]]), expression)
    text = re.sub(r"\{([^}]+)\}", lambda match: repr(row[match[1]]), text)
    text = text.replace("<>", "!=").replace(" = ", " == ").replace("NULL", "None")
    text = text.replace(" AND ", " and ").replace(" OR ", " or ")
    return eval(text, {"ifelse": _ifelse, "__builtins__": {}})  # noqa: S307 - our own expression


def test_every_selection_shows_one_row_a_group_and_nobody_of_another(
    real: Contract, made: Json, published: dict[str, bytes]
) -> None:
    definition = define(real)
    expressions = {
        (it["DataSetIdentifier"], it["Name"]): it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
    }
    offered = [["all", *(definition.groups[name].values or ())] for name in definition.filters]
    seen = 0
    for values in itertools.product(*offered):
        chosen = dict(zip(definition.filters, values, strict=True))
        for visual in definition.visuals:
            assert visual.cube
            expression = expressions[visual.cube, f"Shown in {visual.id}"]
            shown = [
                row
                for row in rows(published[visual.cube])
                if worked_out(expression, row, chosen) == "yes"
            ]
            groups = Counter(tuple(row[name] for name in visual.filtered_groups) for row in shown)
            assert set(groups.values()) <= {1}
            assert not [group for group in groups if "all" in group]
            for row in shown:
                for name, value in chosen.items():
                    margin = name not in visual.filtered_groups
                    assert row[name] == value or (value == "all" and not margin)
            seen += len(shown)
        total = expressions["cube_region_sex_smoker", "Of the selection"]
        cube = rows(published["cube_region_sex_smoker"])
        assert sum(worked_out(total, row, chosen) == "yes" for row in cube) == 1
    assert seen > 500


def test_a_share_is_of_those_who_are_selected(
    real: Contract, made: Json, published: dict[str, bytes]
) -> None:
    definition, cube = define(real), rows(published["cube_region_sex_smoker"])
    found = {it["Name"]: it["Expression"] for it in definition_in(made)["CalculatedFields"]}
    people = {tuple(row[name] for name in definition.filters): row["patients"] for row in cube}

    def share(name: str, *values: str) -> float:
        chosen = dict(zip(definition.filters, values, strict=True))
        part, whole = found[name].removeprefix("max(").removesuffix(")").split(") / max(")
        terms = [[worked_out(it, row, chosen) for row in cube] for it in (part, whole)]
        first, second = ([int(it) for it in term if it is not None] for term in terms)
        assert len(first) == len(second) == 1
        return first[0] / second[0]

    smokers = int(people["all", "all", "yes"]) / int(people["all", "all", "all"])
    assert share("Share of smokers, of everybody", "all", "all", "all") == smokers
    name = "Share of smokers, of the selection"
    assert share(name, "all", "all", "all") == smokers
    women = [int(people["northeast", "female", it]) for it in ("yes", "all")]
    assert share(name, "northeast", "female", "all") == women[0] / women[1]
    assert share(name, "northeast", "female", "yes") == 1
    assert share(name, "all", "male", "no") == 0


def test_the_sheet_of_everybody_reads_the_published_outputs(real: Contract, made: Json) -> None:
    everybody, selection = definition_in(made)["Sheets"]
    for visual in visuals_of(everybody):
        if visual["VisualId"].removeprefix("everybody-") in real.outputs:
            read = set(re.findall(r"'DataSetIdentifier': '(\w+)'", repr(visual)))
            assert read == {visual["VisualId"].removeprefix("everybody-")}
    for visual in visuals_of(selection):
        read = set(re.findall(r"'DataSetIdentifier': '(\w+)'", repr(visual)))
        assert read <= set(real.cubes)


def test_an_empty_figure_is_shown_as_withheld(made: Json) -> None:
    definition = definition_in(made)
    text = repr(definition["Sheets"])
    measures = text.count("'NumericalMeasureField'") + text.count("'NumberFormatConfiguration'")
    assert text.count("'NullString': 'withheld'") == measures > 20
    labels = [it for it in definition["CalculatedFields"] if it["Name"].startswith("By ")]
    assert labels
    assert all("' (withheld)'" in it["Expression"] for it in labels)
