"""The whole dashboard of a contract."""

from __future__ import annotations

from collections.abc import Iterator

from medical_charges.contract import Contract
from medical_charges.contract.naming import words
from medical_charges.contract.outputs import CUBE_FIGURES, STATISTICS
from medical_charges.dashboard.definition.charts import visuals_of
from medical_charges.dashboard.definition.comparisons import compared_of
from medical_charges.dashboard.definition.groups import group_of, inline
from medical_charges.dashboard.definition.parts import (
    Definition,
    Tile,
)


def define(contract: Contract) -> Definition:
    """The dashboard of a data set."""
    dashboard, measure = contract.dashboard, contract.measure
    shown = [name for analysis in contract.analyses.values() for name in analysis.group_by]
    compared = [name for it in contract.comparisons.values() for name in it.names]
    columns = dict.fromkeys(
        [*dashboard.filters, *shown, *dashboard.filtered_as.values(), *compared]
    )
    people, total, spread = (column.name.format(measure=measure) for column in CUBE_FIGURES)
    return Definition(
        dataset=contract.dataset,
        title=dashboard.title or words(contract.dataset),
        measure=measure,
        measure_title=contract.called(measure),
        unit=dashboard.unit,
        minimum_cell=contract.disclosure.minimum_rows,
        tiles=_tiles(contract),
        visuals=tuple(
            visual for name in contract.analyses for visual in visuals_of(contract, name)
        ),
        compared=compared_of(contract),
        filters=dashboard.filters,
        groups={column: group_of(contract, column) for column in columns},
        figures=(people, total, spread),
        units=contract.units,
        threshold=_threshold(contract),
        source=_source(contract),
        caveats=" ".join(_caveats(contract)),
    )


def _threshold(contract: Contract) -> str:
    disclosure = contract.disclosure
    people = f" ({disclosure.minimum_cell} people)" if disclosure.rows_per_person > 1 else ""
    return f"{disclosure.minimum_rows} {contract.units}{people}"


def _source(contract: Contract) -> tuple[tuple[str, str], ...]:
    source = contract.dashboard.source
    if source is None:
        return ()
    told = {
        "Source": source.origin,
        "Period": source.period,
        "Population": source.population,
        "License": source.license,
        "Contact": source.contact,
    }
    return tuple((name, " ".join(text.split())) for name, text in told.items() if text)


def _caveats(contract: Contract) -> Iterator[str]:
    """Say what minima, maxima and medians are, where some are published."""
    one = contract.unit if isinstance(contract.unit, str) else contract.unit.one
    used = {name for analysis in contract.analyses.values() for name in analysis.statistics}
    shown = any(STATISTICS[name].extreme and not contract.withholds(name) for name in used)
    if shown:
        yield f"A minimum or a maximum is the figure of one {one}."
    if any(STATISTICS[name].bucketed for name in used):
        sides = f"{_threshold(contract)} or more on either side"
        rounded = f"it is rounded, by 0.5% at most, and shown with {sides}"
        yield f"Half of a group have its median or less; {rounded}."


def _tiles(contract: Contract) -> tuple[Tile, ...]:
    cube = next(iter(contract.cubes), None)
    figures = (
        Tile("people", words(contract.units), "people", "count", cube),
        Tile("mean", f"Mean {inline(contract, contract.measure)}", "mean", "measure", cube),
        *(
            Tile(
                # No share is named like a tile that is always there: no name has a hyphen.
                f"share-{name}",
                contract.called(name),
                "share",
                "share",
                cube,
                (share.column, str(share.group)),
            )
            for name, share in contract.dashboard.shares.items()
        ),
    )
    run = (
        Tile("rejected", "Rows rejected", "rejected", "count"),
        Tile("as_of", "Data as of", "as_of", "text"),
    )
    return (*figures, *run) if cube else run
