"""The QuickSight template: what QuickSight would refuse, and whom a selection shows."""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from operator import delitem, setitem
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from scipy.stats import t

from medical_charges.contract import Contract, parse_contract
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.quicksight.template import template
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, VISITS_CONTRACT_FILE, rows
from tests.unit.dashboard.references import template_problems, visuals_of

Json = dict[str, Any]
REAL = CONTRACT_FILE.read_text()
LONG = "what people call it where words are not counted " * 4
CONTRACTS = {
    "charges": REAL,
    "visits": VISITS_CONTRACT_FILE.read_text(),
    "three groups, one of numbers, and long names": REAL.replace(
        "[region, smoker]", "[smoker, age, sex]"
    )
    .replace("[region, sex, smoker]", "[age, smoker]")
    .replace("smoker: Smoking", f"smoker: {LONG}")
    .replace("{ age: age_decade }", "{}")
    .replace("children:", f"{'c' * 100}:"),
    "a comparison of everybody next to its own groups": REAL.replace(
        "comparisons:\n",
        "  charges_by_smoker: { group_by: [smoker], statistics: [patients, mean, ci95] }\n"
        "comparisons:\n",
        1,
    ),
    "nothing to filter by": REAL.partition("dashboard:")[0],
}


@pytest.fixture(scope="module")
def real() -> Contract:
    return parse_contract(REAL)


@pytest.fixture(params=list(CONTRACTS.values()), ids=list(CONTRACTS))
def contract(request: pytest.FixtureRequest) -> Contract:
    return parse_contract(request.param)


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
    if value == {"Ref": "AWS::AccountId"}:
        return "123456789012"
    if value.keys() & {"Ref", "Fn::GetAtt", "Fn::Join"}:
        return "arn:aws:quicksight:us-east-1:123456789012:user/default/x"
    if "Fn::If" in value:
        return filled_in(value["Fn::If"][1])
    return {key: filled_in(item) for key, item in value.items()}


def too_long(value: Any, shape: Any) -> Iterator[str]:
    """Find values longer than the service accepts; botocore itself checks minima only."""
    if isinstance(value, str | list) and len(value) > shape.metadata.get("max", len(value)):
        yield f"{shape.name} of {len(value)}"
    if isinstance(value, list):
        for item in value:
            yield from too_long(item, shape.member)
    if isinstance(value, dict):
        for key, item in value.items():
            yield from too_long(
                item, shape.value if shape.type_name == "map" else shape.members[key]
            )


def test_every_resource_has_the_shape_of_the_call_that_makes_it(contract: Contract) -> None:
    model = Session().get_service_model("quicksight")
    for name, resource in template(contract)["Resources"].items():
        call = model.operation_model(f"Create{resource['Type'].rpartition(':')[2]}")
        assert call.input_shape
        found = filled_in(resource["Properties"])
        report = ParamValidator().validate(found, call.input_shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        assert list(too_long(found, call.input_shape)) == []


def test_everything_that_is_referred_to_is_there(contract: Contract) -> None:
    assert template_problems(template(contract)) == []


def first(found: Json, kind: str, sheet: int = 0) -> Json:
    visuals = definition_in(found)["Sheets"][sheet]["Visuals"]
    visual: Json = next(it[kind] for it in visuals if kind in it)
    return visual


def wells(found: Json, kind: str, inner: str) -> Json:
    found_: Json = first(found, kind)["ChartConfiguration"]["FieldWells"][inner]
    return found_


def bars(found: Json) -> Any:
    return wells(found, "ComboChartVisual", "ComboChartAggregatedFieldWells")


def bar(found: Json) -> Any:
    return bars(found)["BarValues"][0]["NumericalMeasureField"]


def limit(found: Json) -> Any:
    return bars(found)["LineValues"][0]["NumericalMeasureField"]


def line(found: Json) -> Any:
    inner = wells(found, "LineChartVisual", "LineChartAggregatedFieldWells")
    return inner["Values"][0]["NumericalMeasureField"]


def elements(found: Json) -> Any:
    [layout] = definition_in(found)["Sheets"][0]["Layouts"]
    return layout["Configuration"]["GridLayout"]["Elements"]


def first_column(found: Json) -> Any:
    table = found["Resources"]["DataSetchargesXbyXage"]["Properties"]["PhysicalTableMap"]["file"]
    return table["S3Source"]["InputColumns"]


def first_source(found: Json) -> Any:
    return next(it for it in found["Resources"] if it.startswith("DataSource"))


def dropdown(found: Json) -> Any:
    control = definition_in(found)["Sheets"][1]["ParameterControls"][0]["Dropdown"]
    return control["SelectableValues"]["Values"]


def scope(found: Json) -> Any:
    selected = definition_in(found)["FilterGroups"][-1]["ScopeConfiguration"]["SelectedSheets"]
    return selected["SheetVisualScopingConfigurations"][0]


def first_tip(found: Json) -> Any:
    tooltip = first(found, "ComboChartVisual")["ChartConfiguration"]["Tooltip"]["FieldBasedTooltip"]
    return tooltip["TooltipFields"][0]["FieldTooltipItem"]


def by_region(found: Json) -> Any:
    fields = definition_in(found)["CalculatedFields"]
    return next(it for it in fields if it["Name"] == "By region")


def expression(text: str) -> Callable[[Json], None]:
    return lambda found: setitem(by_region(found), "Expression", text)


# What is broken, how, and what is found.
BROKEN: list[tuple[str, Callable[[Json], Any], str]] = [
    ("unknown data set",
     lambda it: setitem(bar(it)["Column"], "DataSetIdentifier", "nowhere"),
     "reads the data set nowhere, which is not declared"),
    ("unknown column", lambda it: setitem(line(it)["Column"], "ColumnName", "median"),
     "reads median, which is no column of charges_by_age"),
    ("data set without a source", lambda it: delitem(it["Resources"], first_source(it)),
     "which does not exist"),
    ("column gone from a data set", lambda it: delitem(first_column(it), 0),
     "age, which is no column"),
    ("same field twice", lambda it: setitem(limit(it), "FieldId", bar(it)["FieldId"]),
     "the field everybody-charges_by_region-mean_charges is there 2 times"),
    ("no alt text", lambda it: delitem(first(it, "PieChartVisual"), "VisualContentAltText"),
     "everybody-charges_by_bmi_category has no alt text"),
    ("empty alt text", lambda it: setitem(first(it, "TableVisual"), "VisualContentAltText", " "),
     "everybody-comparisons has no alt text"),
    ("parameter that is not declared",
     lambda it: delitem(definition_in(it)["ParameterDeclarations"], 0),
     "uses the parameter region, which is not declared"),
    ("control without all", lambda it: dropdown(it).remove("All"),
     "selection-control-region does not begin with All"),
    ("filter of a visual that is gone", lambda it: setitem(scope(it), "VisualIds", ["gone"]),
     "filters gone, which selection has not"),
    ("margins among the groups", lambda it: delitem(definition_in(it)["FilterGroups"], -1),
     "reads every row of cube_region_sex_smoker, margins included"),
    ("sort by another visual", lambda it: setitem(first_tip(it), "FieldId", "other"),
     "sorts or tells by the field other, which it does not have"),
    ("visual that is not laid out", lambda it: delitem(elements(it), 0),
     "has everybody-people, and lays it out nowhere"),
    ("expression of an unknown column",
     lambda it: setitem(definition_in(it)["CalculatedFields"][0], "Expression", "{people}"),
     "reads people, which is no column of it"),
    ("number joined to text", expression("concat({patients}, ' (withheld)')"),
     "gives concat a number in place of a text"),
    ("text looked for among numbers", expression("switch({patients}, '0', 'nobody', 'some')"),
     "gives switch a text in place of a number"),
    ("number or text", expression("ifelse(isNull({patients}), 0, {region})"),
     "gives ifelse a text in place of a number"),
    ("number for a condition", expression("ifelse({patients} AND {region} = 'all', 'yes', 'no')"),
     "gives AND a number in place of a truth"),
    ("expression without an end", expression("toString({patients}"),
     "has its end in place of , or )"),
    ("unknown function", expression("join({region}, 'x')"),
     "calls join, which is not known here"),
    ("number for a group", expression("{patients}"),
     "everybody-charges_by_region takes By region for a text"),
    ("name that is too long", lambda it: setitem(by_region(it), "Name", "n" * 128),
     "has a name of 128 characters, 127 are taken"),
    ("two groups in one well", lambda it: bars(it)["Category"].append(bars(it)["Category"][0]),
     "would show the first of several fields in Category"),
    ("visual beyond the grid", lambda it: setitem(elements(it)[-1], "ColumnIndex", 1),
     "everybody lays everybody-about beyond its grid"),
    ("one visual over another",
     lambda it: setitem(elements(it)[-2], "RowIndex", elements(it)[-2]["RowIndex"] - 1),
     "lays everybody-charges_by_age over everybody-comparisons"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("breaking", "said"), [it[1:] for it in BROKEN], ids=[it[0] for it in BROKEN]
)
def test_broken_references_are_found(
    made: Json, breaking: Callable[[Json], Any], said: str
) -> None:
    found = copy.deepcopy(made)
    breaking(found)
    assert said in "\n".join(template_problems(found))


def test_nobody_but_the_owner_has_a_share_unless_there_are_readers(made: Json) -> None:
    for name, resource in made["Resources"].items():
        owner, *others = resource["Properties"]["Permissions"]
        assert owner["Principal"] == {"Ref": "Owner"}
        assert len(others) == (name == "Dashboard")
    shared = made["Resources"]["Dashboard"]["Properties"]["Permissions"][1]["Fn::If"]
    assert shared[0] == "Shared"
    assert not [it for it in shared[1]["Actions"] if re.search("Update|Delete|Create", it)]


def _ifelse(*arguments: Any) -> Any:
    pairs = zip(arguments[:-1:2], arguments[1::2], strict=True)
    return next((value for condition, value in pairs if condition), arguments[-1])


def _switch(of: Any, *arguments: Any) -> Any:
    pairs = zip(arguments[:-1:2], arguments[1::2], strict=True)
    return next((value for label, value in pairs if label == of), arguments[-1])


def worked_out(expression: str, row: dict[str, str], chosen: dict[str, str]) -> Any:
    """As much of QuickSight's expressions of one row as filters and tiles use."""
    text = re.sub(r"\$\{(\w+)\}", lambda match: repr(chosen[match[1]]), expression)
    text = re.sub(r"\{([^}]+)\}", lambda match: repr(row[match[1]]), text)
    text = text.replace("<>", "!=").replace(" = ", " == ").replace("NULL", "None")
    text = text.replace(" AND ", " and ").replace(" OR ", " or ")
    return eval(text, {"ifelse": _ifelse, "switch": _switch, "__builtins__": {}})  # noqa: S307 - our own expression


def held(contract: Contract, row: dict[str, str], name: str) -> str:
    """A row of the input's group in a column or band."""
    band = contract.bands.get(name)
    return row[name] if band is None else band.label_of(float(row[band.column]))


def test_every_selection_shows_one_row_a_group_and_nobody_of_another(
    real: Contract, made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    definition = define(real)
    expressions = {
        (it["DataSetIdentifier"], it["Name"]): it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
    }
    people = rows(CHARGES_FILE.read_bytes())
    offered = [["all", *(definition.groups[name].values or ())] for name in definition.filters]
    for values in itertools.product(*offered):
        chosen = dict(zip(definition.filters, values, strict=True))
        there = [
            row for row in people if all(it in ("all", row[name]) for name, it in chosen.items())
        ]
        for visual in definition.visuals:
            assert visual.cube
            expression = expressions[visual.cube, f"Shown in {visual.id}"]
            shown = Counter(
                tuple(row[name] for name in visual.filtered_groups)
                for row in rows(real_outputs[visual.cube])
                if worked_out(expression, row, chosen) == "yes"
            )
            groups = {
                tuple(held(real, row, name) for name in visual.filtered_groups) for row in there
            }
            assert shown == dict.fromkeys(groups, 1), (visual.id, chosen)
        total = expressions["cube_region_sex_smoker", "Of the selection"]
        cube = rows(real_outputs["cube_region_sex_smoker"])
        assert sum(worked_out(total, row, chosen) == "yes" for row in cube) == 1


def test_a_share_is_of_the_selected_people(
    real: Contract, made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    definition, cube = define(real), rows(real_outputs["cube_region_sex_smoker"])
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


def formats(value: Any) -> Iterator[tuple[str, int, str]]:
    """By field: how many decimals it has, and what stands where it is missing."""
    if isinstance(value, list):
        for item in value:
            yield from formats(item)
    elif isinstance(value, dict):
        if "FormatConfiguration" in value and "FieldId" in value:
            (places,) = values_under(value, "DecimalPlaces")
            (missing,) = values_under(value, "NullString")
            yield value["FieldId"], places, missing
        for item in value.values():
            yield from formats(item)


def values_under(value: Any, key: str) -> list[Any]:
    if isinstance(value, list):
        return [found for item in value for found in values_under(item, key)]
    if not isinstance(value, dict):
        return []
    own = [value[key]] if key in value else []
    return own + [found for item in value.values() for found in values_under(item, key)]


def test_a_missing_figure_says_that_it_is_withheld_if_no_other_reason_is_possible(
    made: Json,
) -> None:
    found = {name: missing for name, _, missing in formats(definition_in(made)["Sheets"])}
    figures = {
        name.removeprefix("everybody-comparisons-"): missing
        for name, missing in found.items()
        if name.startswith("everybody-comparisons-")
    }
    withheld = {name for name, missing in figures.items() if missing == "withheld"}
    assert withheld == {"n_a", "n_b"}
    assert len(figures) == 8
    assert found["everybody-charges_by_region-mean_charges"] == "withheld"
    assert found["selection-charges_by_region-Mean charges"] == "withheld"
    assert found["selection-people-value"] == "withheld"
    shares = [missing for name, missing in found.items() if "share_of_smokers" in name]
    assert [found["everybody-charges_by_region-ci95_low"], *shares] == ["–"] * 4  # noqa: RUF001
    assert set(found.values()) == {"withheld", "–"}  # noqa: RUF001
    labels = [it for it in definition_in(made)["CalculatedFields"] if it["Name"].startswith("By ")]
    assert labels
    assert all("' (withheld)'" in it["Expression"] for it in labels)


@pytest.mark.parametrize(("contract", "places"), [("charges", 2), ("visits", 1)])
def test_a_mean_has_a_digit_more_than_its_values_and_two_at_most(
    contract: str, places: int
) -> None:
    sheets = definition_in(template(parse_contract(CONTRACTS[contract])))["Sheets"]
    found = {name: places for name, places, _ in formats(sheets)}
    means = {name: it for name, it in found.items() if "mean" in name.lower()}
    assert means
    assert set(means.values()) == {places}
    assert found["everybody-people-value"] == 0


def test_bars_of_means_have_limits_and_medians_as_marks_and_the_rest_in_their_tooltips(
    made: Json,
) -> None:
    visuals = definition_in(made)["Sheets"][0]["Visuals"]
    combined = [it["ComboChartVisual"] for it in visuals if "ComboChartVisual" in it]
    for chart in combined:
        well = chart["ChartConfiguration"]["FieldWells"]["ComboChartAggregatedFieldWells"]
        names = [
            [it["NumericalMeasureField"]["Column"]["ColumnName"] for it in well[kind]]
            for kind in ("BarValues", "LineValues")
        ]
        assert names == [["Mean charges"], ["95% interval from", "95% interval to", "Median"]]
        series = chart["ChartConfiguration"]["Series"]
        assert values_under(series, "LineVisibility") == ["HIDDEN"] * 3
        assert values_under(series, "MarkerShape") == ["DIAMOND", "DIAMOND", "SQUARE"]
        subtitle = chart["Subtitle"]["FormatText"]["PlainText"]
        assert subtitle == "Mean with 95% confidence interval, and median"
    assert [it["VisualId"] for it in combined] == [
        "everybody-charges_by_region",
        "everybody-charges_by_sex_and_smoker",
    ]
    tips = combined[0]["ChartConfiguration"]["Tooltip"]["FieldBasedTooltip"]["TooltipFields"]
    told = [it["ColumnTooltipItem"]["Label"] for it in tips if "ColumnTooltipItem" in it]
    assert told == ["People", "Minimum", "Maximum", "Standard deviation"]
    means = wells(made, "BarChartVisual", "BarChartAggregatedFieldWells")
    assert [len(means[kind]) for kind in ("Values", "Colors")] == [1, 0]


def test_means_of_a_selection_have_the_limits_of_students_t(
    made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    found = {
        (it["DataSetIdentifier"], it["Name"]): it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
    }
    cube = "cube_region_sex_smoker"
    low, high = (found[cube, f"95% interval {end}"] for end in ("from", "to"))
    known = [row for row in rows(real_outputs[cube]) if row["sum_charges"]]
    assert len(known) > 10
    for row in known:
        n, total, spread = (float(row[it]) for it in ("patients", "sum_charges", "m2_charges"))
        half = t.ppf(0.975, n - 1) * math.sqrt(spread / (n - 1) / n)
        ends = [of_figures(it, row) for it in (low, high)]
        assert ends == pytest.approx([total / n - half, total / n + half], rel=1e-6)


@pytest.mark.parametrize(("people", "off"), [(5, None), (6, 2e-5), (11, 5e-7)])
def test_limits_of_a_selection_are_shown_from_six_people_on(
    made: Json, people: int, off: float | None
) -> None:
    (limit,) = {
        it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
        if it["Name"] == "95% interval to" and it["DataSetIdentifier"].startswith("cube")
    }
    row = {"patients": str(people), "sum_charges": "0", "m2_charges": str(people * (people - 1))}
    exact = pytest.approx(t.ppf(0.975, people - 1), rel=off)
    assert of_figures(limit, row) == (exact if off else None)


def of_figures(expression: str, row: dict[str, str]) -> Any:
    """An expression of one row of figures that are all there."""
    text = re.sub(r"\{(\w+)\}", lambda match: str(float(row[match[1]])), expression)
    known: dict[str, Any] = {"ifelse": _ifelse, "sqrt": math.sqrt, "None": None, "__builtins__": {}}
    return eval(text.replace("NULL", "None"), known)  # noqa: S307 - our own expression


def test_bars_of_a_selection_have_limits_as_marks_and_no_median(made: Json) -> None:
    visuals = definition_in(made)["Sheets"][1]["Visuals"]
    combined = [it["ComboChartVisual"] for it in visuals if "ComboChartVisual" in it]
    assert [it["VisualId"] for it in combined] == [
        "selection-charges_by_region",
        "selection-charges_by_sex_and_smoker",
    ]
    for chart in combined:
        well = chart["ChartConfiguration"]["FieldWells"]["ComboChartAggregatedFieldWells"]
        drawn = [it["NumericalMeasureField"]["Column"]["ColumnName"] for it in well["LineValues"]]
        assert drawn == ["95% interval from", "95% interval to"]
        assert chart["Subtitle"]["FormatText"]["PlainText"] == "Mean with 95% confidence interval"
        assert "median" not in repr(chart).lower()


def test_tiles_of_a_selection_are_compared_with_everybody(
    made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    definition = definition_in(made)
    found = {it["Name"]: it["Expression"] for it in definition["CalculatedFields"]}
    tiles = [
        [it["KPIVisual"]["ChartConfiguration"] for it in sheet["Visuals"] if "KPIVisual" in it]
        for sheet in definition["Sheets"]
    ]
    assert [values_under(it, "TargetValues") for it in tiles[0]] == [[]] * 3
    targets = [
        it["FieldWells"]["TargetValues"][0]["NumericalMeasureField"]["Column"]["ColumnName"]
        for it in tiles[1]
    ]
    assert targets == [
        "People of everybody",
        "Mean charges of everybody",
        "Share of smokers, of everybody",
    ]
    methods = values_under(tiles[1], "ComparisonMethod")
    assert methods == ["PERCENT", "DIFFERENCE", "DIFFERENCE"]
    cube = rows(real_outputs["cube_region_sex_smoker"])
    for name, figure in zip(targets[:2], (1338, 13270.422265), strict=True):
        inner = re.fullmatch(r"maxOver\((.+), \[\], PRE_FILTER\)", found[name])
        assert inner is not None
        condition, value = re.fullmatch(r"ifelse\((.+), (.+), NULL\)", inner[1]).groups()  # type: ignore[union-attr]
        there = [row for row in cube if worked_out(condition, row, {})]
        assert [of_figures(value, row) for row in there] == [pytest.approx(figure)]


def test_limits_next_to_a_line_are_dotted_and_the_median_is_dashed(made: Json) -> None:
    line = first(made, "LineChartVisual")
    series = line["ChartConfiguration"]["Series"]
    assert values_under(series, "LineStyle") == ["DOTTED", "DOTTED", "DASHED"]
    values = line["ChartConfiguration"]["FieldWells"]["LineChartAggregatedFieldWells"]["Values"]
    drawn = [it["NumericalMeasureField"]["FieldId"] for it in values]
    assert values_under(series, "FieldId") == drawn[1:]
    assert drawn[-1].endswith("-median_charges")


def test_what_only_a_tooltip_shows_is_written_as_elsewhere(made: Json) -> None:
    definition = definition_in(made)
    forms = {
        (it["Column"]["DataSetIdentifier"], it["Column"]["ColumnName"]): repr(it)
        for it in definition["ColumnConfigurations"]
    }
    for sheet in definition["Sheets"]:
        for visual in visuals_of(sheet):
            tooltip = visual.get("ChartConfiguration", {}).get("Tooltip", {})
            for tip in tooltip.get("FieldBasedTooltip", {}).get("TooltipFields", []):
                if "ColumnTooltipItem" in tip:
                    at = tip["ColumnTooltipItem"]["Column"]
                    assert (at["DataSetIdentifier"], at["ColumnName"]) in forms
    assert "CurrencyDisplay" in forms["charges_by_region", "Minimum"]
    assert "PercentageDisplay" in forms["charges_by_bmi_category", "The share"]
    assert "'DecimalPlaces': 0" in forms["charges_by_region", "People"]


def test_controls_offer_labels_and_select_the_values_that_they_stand_for(
    made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    assert dropdown(made) == ["All", "Northeast", "Northwest", "Southeast", "Southwest"]
    (expression,) = (
        it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
        if it["Name"] == "Of the selection"
    )
    chosen = {"region": "Northeast", "sex": "All", "smoker": "Non-smokers"}
    shown = [
        (row["region"], row["sex"], row["smoker"])
        for row in rows(real_outputs["cube_region_sex_smoker"])
        if worked_out(expression, row, chosen) == "yes"
    ]
    assert shown == [("northeast", "all", "no")]


def test_labels_that_do_not_tell_values_apart_are_not_offered() -> None:
    text = REAL.replace("Northeast, northwest", "All, northwest")
    assert dropdown(template(parse_contract(text)))[:3] == ["all", "northeast", "northwest"]


def test_a_line_and_the_table_have_the_whole_width_and_a_pie_is_whole(made: Json) -> None:
    spans = {it["ElementId"]: it["ColumnSpan"] for it in elements(made)}
    assert spans["everybody-charges_by_age"] == spans["everybody-comparisons"] == 36
    assert spans["everybody-charges_by_region"] == 18
    pie = first(made, "PieChartVisual")["ChartConfiguration"]
    assert pie["DonutOptions"] == {"ArcOptions": {"ArcThickness": "WHOLE"}}
    assert pie["DataLabels"]["LabelContent"] == "VALUE_AND_PERCENT"


def test_comparisons_use_the_names_of_the_contract(
    made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    labels = {
        it["Name"].removeprefix("Label of "): it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
        if it["DataSetIdentifier"] == "comparisons"
    }
    found = [
        tuple(worked_out(labels[name], row, {}) for name in ("comparison", "stratum", "group_a"))
        for row in rows(real_outputs["comparisons"])
    ]
    assert found[:3] == [
        ("Men less women by smoking", "Non-smokers", "Men"),
        ("Men less women by smoking", "Smokers", "Men"),
        ("Smokers less non-smokers", "Everybody", "Smokers"),
    ]
    assert ("Smokers less non-smokers by region", "Southwest", "Smokers") in found
    standardized = "Southeast less southwest, standardized over smoking"
    assert found[-1] == (standardized, "Everybody", "Southeast")
    table = first(made, "TableVisual")["ChartConfiguration"]
    titles = [it["CustomLabel"] for it in table["FieldOptions"]["SelectedFieldOptions"]]
    assert len(titles) == 13
    assert not [title for title in titles if "_" in title]


@pytest.mark.parametrize("statistic", ["maximum", "stddev", "standard_error", "ci95"])
def test_no_mean_of_a_selection_is_shown_as_another_figure(statistic: str) -> None:
    text = CONTRACT_FILE.read_text().replace(
        "statistics: [patients, mean, minimum, maximum, stddev, ci95, median]",
        f"statistics: [{statistic}]",
    )
    sheets = definition_in(template(parse_contract(text)))["Sheets"]
    shown = [f"{it['SheetId']}-charges_by_region'" in repr(it["Visuals"]) for it in sheets]
    assert shown == [True, False]


def test_no_pie_is_drawn_of_what_is_left_of_a_selection(
    made: Json, real_outputs: Mapping[str, bytes]
) -> None:
    everybody, selection = definition_in(made)["Sheets"]
    assert [
        sum("PieChartVisual" in it for it in sheet["Visuals"]) for sheet in (everybody, selection)
    ] == [1, 0]
    bars = next(it for it in visuals_of(selection) if "bmi_category" in it["VisualId"])
    assert bars["VisualContentAltText"].startswith("Bar chart of people by BMI category")
    expressions = {
        it["Name"]: it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
        if it["DataSetIdentifier"] == "charges_by_bmi_category"
    }
    found = wells(made, "PieChartVisual", "PieChartAggregatedFieldWells")["Values"]
    drawn = expressions[found[0]["NumericalMeasureField"]["Column"]["ColumnName"]]
    table = rows(real_outputs["charges_by_bmi_category"])
    assert slices(drawn, table) == [float(row["patients"]) for row in table]
    table[1]["patients"] = ""
    assert slices(drawn, table) == [None] * len(table)


def slices(expression: str, table: list[dict[str, str]]) -> list[float | None]:
    """A figure of every row, as QuickSight works it out over all of them."""
    inner = re.search(r"maxOver\((.+), \[\], PRE_AGG\)", expression)
    assert inner is not None
    missing = max(of_row(inner[1], row) for row in table)
    return [of_row(expression.replace(inner[0], str(missing)), row) for row in table]


def of_row(expression: str, row: dict[str, str]) -> Any:
    """An expression of one row of numbers, in which an empty field is null."""
    values = {name: str(float(it)) if it.isdecimal() else "None" for name, it in row.items()}
    text = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], expression)
    text = text.replace(" = ", " == ").replace("NULL", "None")
    known = {"ifelse": _ifelse, "isNull": lambda it: it is None, "__builtins__": {}}
    return eval(text, known)  # noqa: S307 - our own expression


@pytest.mark.parametrize(
    ("published", "shown"),
    [
        ("", "–"),  # noqa: RUF001 - as it is shown
        ("0", "< 0.001"),
        ("5.88946e-103", "< 0.001"),
        ("0.000999999", "< 0.001"),
        ("0.001", "0.001"),
        ("0.00123456", "0.0012"),
        ("0.0984123", "0.098"),
        ("0.456789", "0.46"),
        ("1", "1.0"),
    ],
)
def test_a_p_is_written_as_on_the_page_whatever_its_exponent(
    made: Json, published: str, shown: str
) -> None:
    data_set = made["Resources"]["DataSetcomparisons"]["Properties"]
    assert "'ColumnName': 'p'" not in repr(data_set["LogicalTableMap"])
    (expression,) = (
        it["Expression"]
        for it in definition_in(made)["CalculatedFields"]
        if it["Name"] == "Label of p"
    )
    text = expression.replace("{p}", repr(published)).replace(" = ", " == ").replace(" OR ", " or ")
    known = {
        "ifelse": _ifelse,
        "isNull": lambda it: it is None,
        "contains": lambda it, part: part in it,
        "left": lambda it, size: it[:size],
        "parseDecimal": plain_decimal,
        "round": round,
        "toString": str,
        "__builtins__": {},
    }
    assert eval(text, known) == shown  # noqa: S307 - our own expression


def plain_decimal(text: str) -> float:
    """What QuickSight reads: digits, and no exponent."""
    assert re.fullmatch(r"-?\d+(\.\d+)?", text), text
    return float(text)
