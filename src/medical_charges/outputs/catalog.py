"""The Glue Catalog's tables: `python -m medical_charges.outputs.catalog --contract FILE OUT`.

Terraform reads the file that this writes, so that a table's columns are said once, in the
contract.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from medical_charges.contract import Contract, load_contract
from medical_charges.contract.model import (
    COMPARISON_COLUMNS,
    COMPARISONS,
    MARGIN,
    IntegerColumn,
)
from medical_charges.errors import ContractError
from medical_charges.layout import Layout

_COMMENTS = {
    "patients": "People in the group",
    "share": "Share of the people, of all or within all but the last grouping column",
    "mean": "Mean of {measure}",
    "minimum": "Least {measure}",
    "maximum": "Greatest {measure}",
    "stddev": "Sample standard deviation of {measure}",
    "ci95": "End of the 95 % t interval of the mean",
}

_COMPARED = (
    ("string", "The comparison's name"),
    ("string", "Within whom the two groups are compared; all for everybody"),
    ("string", "One group"),
    ("string", "The other group"),
    ("bigint", "People in group a"),
    ("bigint", "People in group b"),
    ("double", "Mean of {measure} in group a less that in group b"),
    ("double", "End of the 95 % interval of the difference, by Welch's t"),
    ("double", "End of the 95 % interval of the difference, by Welch's t"),
    ("double", "Welch's t"),
    ("double", "Its degrees of freedom, by Welch and Satterthwaite"),
    ("double", "Its p, two-sided"),
    ("double", "Hedges' g, the difference in pooled deviations, corrected for small samples"),
)

_CUBED = (
    ("bigint", _COMMENTS["patients"]),
    ("double", "Sum of {measure}"),
    ("double", "Sum of the squared deviations of {measure} from the mean of the group"),
)


def tables(contract: Contract) -> list[dict[str, Any]]:
    """Every output as a table over its folder."""
    return [_table(contract, name) for name in contract.outputs]


def _table(contract: Contract, name: str) -> dict[str, Any]:
    location = PurePosixPath(Layout(contract.prefix).published(name)).parent
    return {
        "name": name,
        "location": f"{location}/",
        "columns": _columns(contract, name),
        "parameters": {
            "classification": "csv",
            "skip.header.line.count": "1",
            "dataset": contract.dataset,
        },
        # A suppressed figure is an empty field, and must be read as none at all.
        "serde_parameters": {
            "field.delim": ",",
            "serialization.format": ",",
            "serialization.null.format": "",
        },
    }


def _columns(contract: Contract, name: str) -> list[dict[str, str]]:
    if name == COMPARISONS:
        return [
            {"name": column, "type": kind, "comment": comment.format(measure=contract.measure)}
            for column, (kind, comment) in zip(COMPARISON_COLUMNS, _COMPARED, strict=True)
        ]
    if name in contract.cubes:
        return _cube_columns(contract, name)
    analysis = contract.analyses[name]
    columns = [
        {"name": group, "type": _group_type(contract, group), "comment": "Grouped by"}
        for group in analysis.group_by
    ]
    for statistic in analysis.statistics:
        kind = "bigint" if statistic == "patients" else "double"
        comment = _COMMENTS[statistic].format(measure=contract.measure)
        columns += [
            {"name": column.format(measure=contract.measure), "type": kind, "comment": comment}
            for column in contract.STATISTIC_COLUMNS[statistic]
        ]
    return columns


def _cube_columns(contract: Contract, name: str) -> list[dict[str, str]]:
    columns = [
        # A margin is text among the groups, whatever these are.
        {"name": column, "type": "string", "comment": f"Filtered by; {MARGIN} for everybody"}
        if column in contract.dashboard.filters
        else {"name": column, "type": _group_type(contract, column), "comment": "Grouped by"}
        for column in contract.cubes[name]
    ]
    figures = contract.outputs[name][len(columns) :]
    return columns + [
        {"name": column, "type": kind, "comment": comment.format(measure=contract.measure)}
        for column, (kind, comment) in zip(figures, _CUBED, strict=True)
    ]


def _group_type(contract: Contract, group: str) -> str:
    return "bigint" if isinstance(contract.source.columns.get(group), IntegerColumn) else "string"


def catalog_text(contract: Contract) -> str:
    """The tables as the text of a file."""
    return json.dumps(tables(contract), indent=2) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write the tables of a contract to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contract", type=Path, required=True)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(argv)
    try:
        text = catalog_text(load_contract(options.contract))
    except ContractError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    options.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
