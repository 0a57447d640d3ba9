"""The outputs as tables: what is read off a cube, and what is withheld of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress, product
from operator import itemgetter
from typing import NamedTuple

from medical_charges.aggregates.cube import Cells, Cube, Key, Sums, check_size, merge_cells
from medical_charges.contract import Analysis, Contract
from medical_charges.contract.model import BUCKET, MARGIN
from medical_charges.contract.outputs import DELIMITER, NULL, STATISTICS, Kind, Output, read_csv
from medical_charges.errors import InputRefusedError
from medical_charges.outputs import statistics
from medical_charges.outputs import welch as comparisons
from medical_charges.outputs.disclosure import Cell, Row, protect
from medical_charges.outputs.disclosure.differences import By, Earlier, Labels, Version


@dataclass(frozen=True)
class Table:
    """One output: a header and rows of text, as the CSV will hold them."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    suppressed: int
    """How many rows lost their figures, for a small group in them or to protect one."""
    counted: int = 0
    """How many rows show counts alone, as what tells the measure would confine a small group."""
    withheld: str = ""
    """Why the table has no rows at all, if it could not be protected."""
    waits: bool = False
    """Whether readers keep the version that they have, and this one has no rows."""

    def to_csv(self) -> bytes:
        """UTF-8 without a byte-order mark, a header, rows ended by newlines.

        No field needs quotes: group values that would are refused when they are read.
        """
        return "".join(f"{DELIMITER.join(row)}\n" for row in (self.columns, *self.rows)).encode()


@dataclass(frozen=True)
class _Draft:
    """A row before it is known whether its figures may be shown."""

    row: Row
    labels: tuple[str, ...]
    figures: Callable[[], tuple[str, ...]]


@dataclass(frozen=True)
class Shown:
    """An output as readers have it."""

    cube: Cube
    """Of its snapshot, by the present contract's grouping sets."""
    data: bytes
    """The CSV."""


def make_tables(
    cube: Cube, contract: Contract, earlier: Mapping[str, Sequence[Shown]] | None = None
) -> list[Table]:
    """Every output of the contract, under its disclosure rules.

    Args:
        cube: the sums of a snapshot.
        contract: the contract.
        earlier: by output, the versions that readers may have, the last one last. Outputs that
            would show by subtraction what too few people changed wait.

    Raises:
        InputRefusedError: a group is called like a margin, or an output is too large.
    """
    groups = _Groups(cube, contract)
    outputs = contract.outputs.values()
    drafts = {
        output.name: _DRAFTS[output.kind](output.name, groups, contract) for output in outputs
    }
    chosen = _choose(drafts, groups, contract, earlier or {})
    return [
        Table(output.name, output.header, (), 0, waits=True)
        if output.name in chosen.waiting
        else _table(output, drafts[output.name], chosen)
        for output in outputs
    ]


def rows_by(cube: Cube, contract: Contract, names: Sequence[str]) -> dict[Key, int]:
    """Return the number of rows of each group by some names, top-coded as in outputs.

    Nothing in it is protected.
    """
    return {key: sums.n for key, sums in _Groups(cube, contract).by(names).items()}


class _Chosen(NamedTuple):
    """What is not shown: rows by their identity, and outputs."""

    hidden: set[int]
    counted: set[int]
    withheld: Mapping[str, str]
    waiting: set[str]


def _choose(
    drafts: Mapping[str, Sequence[_Draft]],
    groups: _Groups,
    contract: Contract,
    earlier: Mapping[str, Sequence[Shown]],
) -> _Chosen:
    """Choose what to show, until no output would have to take back what readers have."""
    tables = {name: {draft.labels: draft.row for draft in table} for name, table in drafts.items()}
    known = Earlier(list(_versions(earlier, contract)), tables, groups.by, contract)
    waiting, sticky = known.waiting(), known.sticky()
    while waiting != set(tables):
        new = [table for name, table in drafts.items() if name not in waiting]
        rows = [draft.row for table in new for draft in table] + known.kept(waiting)
        protection = protect(rows, groups.behind(rows), contract, sticky)
        hidden = {id(rows[place]) for place in protection.suppressed}
        counted = {id(rows[place]) for place in protection.counted}
        more = {rows[place].output for place in protection.differing}
        more |= known.outputs & protection.withheld.keys()
        more |= {
            name
            for name, table in tables.items()
            for labels, row in table.items()
            if (id(row) in hidden and known.shows(name, labels, counts_alone=True))
            or (id(row) in counted and known.shows(name, labels, counts_alone=False))
        }
        if not more:
            return _Chosen(hidden, counted, protection.withheld, waiting)
        # Where what waits already is what is endangered, everything else is what endangers it.
        waiting = waiting | more if more - waiting else set(tables)
    return _Chosen(set(), set(), {}, waiting)


def _versions(earlier: Mapping[str, Sequence[Shown]], contract: Contract) -> Iterator[Version]:
    by: dict[int, By] = {}
    for name, versions in earlier.items():
        for shown in versions if name in contract.outputs else ():
            groups = by.setdefault(id(shown.cube), _Groups(shown.cube, contract).by)
            yield _version(contract.outputs[name], groups, shown.data)


def _version(output: Output, by: By, data: bytes) -> Version:
    """Read off a CSV which of its rows show figures; other columns than now are left aside."""
    columns, rows = read_csv(data.decode())
    found: dict[str, set[Labels]] = {"suppressed": set(), "counted": set(), "shown": set()}
    for row in rows:
        fields = dict(zip(columns, row, strict=True))
        labels = tuple(fields.get(column.name, "") for column in output.labels)
        found[output.detail(fields)].add(labels)
    return Version(output.name, by, **{kind: frozenset(rows) for kind, rows in found.items()})


class _Groups:
    """The cube as outputs see it: top-coded, and by any names that something groups by."""

    def __init__(self, cube: Cube, contract: Contract) -> None:
        self._cube, self._contract = cube, contract
        self._coded: dict[tuple[str, ...], Cells] = {}
        self._found: dict[tuple[str, ...], Cells] = {}

    def by(self, names: Sequence[str]) -> Cells:
        """The cells of some names, their keys in the order of these."""
        names = tuple(names)
        if names not in self._found:
            held = self._contract.grouping_set_of(names)
            if names == held:
                return self._found.setdefault(names, self._top_coded(held))
            sources = [(*self._source(held, name), name) for name in names]
            banded, self._found[names] = self._contract.banded, {}
            for key, sums in self._top_coded(held).items():
                group = tuple(banded(fine, key[i], name) for fine, i, name in sources)
                merge_cells(self._found[names], {group: sums})
        return self._found[names]

    def buckets(self, names: Sequence[str]) -> dict[Key, dict[int, int]]:
        """The people of each group by some names, by the bucket of their measure."""
        found: dict[Key, dict[int, int]] = {}
        for (*key, bucket), sums in self.by((*names, BUCKET)).items():
            found.setdefault(tuple(key), {})[int(bucket)] = sums.n
        return found

    def _source(self, held: Sequence[str], name: str) -> tuple[str, int]:
        """Where a grouping set has a name, or a finer one."""
        fine = [name, *(it for it in held if self._contract.is_finer(it, name))]
        return next((it, held.index(it)) for it in fine if it in held)

    def _top_coded(self, held: tuple[str, ...]) -> Cells:
        if held not in self._coded:
            top_code = self._contract.disclosure.top_code
            self._coded[held] = _top_coded(held, self._cube.get(held, {}), top_code)
        return self._coded[held]

    def behind(self, rows: Sequence[Row]) -> dict[tuple[str, ...], Cells]:
        """The cells behind the rows, and those that tell which group lies in which, by names."""
        levels = {cell.names for row in rows for cell in row.reveals}
        used = {name for names in levels for name in names}
        nested = {
            tuple(sorted((name, whole)))
            for name in used
            for whole in used.intersection(self._contract.wholes_of(name))
        }
        # Sorted, so that which of two equal rows is given up is the same every time.
        return {
            names: {key: cells[key] for key in sorted(cells)}
            for names in sorted(levels | nested)
            for cells in [self.by(names)]
        }


def _analysis(name: str, groups: _Groups, contract: Contract) -> list[_Draft]:
    analysis = contract.analyses[name]
    names, cells = analysis.group_by, groups.by(analysis.group_by)
    wholes = _wholes(cells)
    shares = "share" in analysis.statistics and len(names) > 1
    measured = not all(column.of_counts for column in contract.outputs[name].figures)
    buckets = groups.buckets(names) if analysis.bucketed else {}

    def draft(key: Key) -> _Draft:
        # The whole follows from a share and its part.
        whole = (Cell.of(names[:-1], key[:-1]),) if shares else ()
        return _Draft(
            Row(name, (Cell.of(names, key),), whole, measured),
            tuple(map(str, key)),
            lambda: _figures(
                cells[key], wholes[key[:-1]], buckets.get(key, {}), analysis, contract
            ),
        )

    return [draft(key) for key in sorted(cells, key=lambda key: contract.sort_key(names, key))]


def _comparisons(output: str, groups: _Groups, contract: Contract) -> list[_Draft]:
    def draft(pair: comparisons.Pair, over: Sequence[str]) -> _Draft:
        # A standardized difference counts as revealing every group in every layer.
        compared = tuple(Cell.of(pair.names, key) for keys in pair.keys for key in keys)
        weights = tuple(Cell.of(over, layer) for layer in pair.standard) if over else ()
        return _Draft(
            Row(output, compared, weights, measured=True),
            pair.labels,
            lambda: comparisons.figures(pair.layers(groups.by(pair.names)), contract.decimals),
        )

    return [
        draft(pair, comparison.standardized_over)
        for name, comparison in contract.comparisons.items()
        for pair in comparisons.pairs(name, comparison, groups.by, contract)
    ]


def _filter_cube(name: str, groups: _Groups, contract: Contract) -> list[_Draft]:
    """A row for every group that holds anybody, of the filters' values or of all of one."""
    columns, filters = contract.cubes[name], contract.dashboard.filters
    found: list[tuple[tuple[Key, ...], _Draft]] = []
    for kept in product((True, False), repeat=len(filters)):
        names = (*compress(filters, kept), *columns[len(filters) :])
        for key, sums in groups.by(names).items():
            values = dict(zip(names, key, strict=True))
            _check_no_margin(values, filters)
            labels = tuple(str(values.get(column, MARGIN)) for column in columns)
            order = dict(zip(names, contract.sort_key(names, key), strict=True))
            place = tuple((order[column],) if column in order else () for column in columns)
            figures = partial(_cube_figures, sums, contract.decimals)
            row = Row(name, (Cell.of(names, key),), measured=True)
            found.append((place, _Draft(row, labels, figures)))
        check_size(columns, len(found))
    return [draft for _, draft in sorted(found, key=itemgetter(0))]


_DRAFTS: Mapping[Kind, Callable[[str, _Groups, Contract], list[_Draft]]] = {
    "analysis": _analysis,
    "comparisons": _comparisons,
    "cube": _filter_cube,
}


def _check_no_margin(values: Mapping[str, str | int], filters: Sequence[str]) -> None:
    for name in filters:
        if values.get(name) == MARGIN:
            raise InputRefusedError(
                f"the column {name!r} holds the value {MARGIN!r}, which stands for everybody in a "
                f"column that is filtered by"
            )


def _cube_figures(sums: Sums, decimals: int) -> tuple[str, ...]:
    total, squares = statistics.measured(sums.total, decimals), statistics.squares(sums, decimals)
    return str(sums.n), total, squares


def _table(output: Output, drafts: Sequence[_Draft], chosen: _Chosen) -> Table:
    hidden, counted = chosen.hidden, chosen.counted
    if withheld := chosen.withheld.get(output.name, ""):
        # Not even the groups' names: that somebody is in each may be too much.
        return Table(output.name, output.header, (), 0, withheld=withheld)
    nothing = (NULL,) * len(output.figures)
    # An output without counts has nothing else to show. Counts of a standardized comparison alone
    # say that a layer lacks a group.
    if not any(column.of_counts for column in output.figures):
        hidden, counted = hidden | counted, set()
    elif output.kind == "comparisons":
        whole = {id(draft.row) for draft in drafts if draft.row.derived}
        hidden, counted = hidden | (counted & whole), counted - whole
    rows, alone = [], 0
    for draft in drafts:
        figures = nothing if id(draft.row) in hidden else draft.figures()
        if id(draft.row) in counted:
            pairs = zip(output.figures, figures, strict=True)
            kept = tuple(text if column.of_counts else NULL for column, text in pairs)
            # A row may have no figure of the measure to lose.
            alone += kept != figures
            figures = kept
        rows.append(draft.labels + figures)
    suppressed = sum(id(draft.row) in hidden for draft in drafts)
    return Table(output.name, output.header, tuple(rows), suppressed, alone)


def _top_coded(group_by: Sequence[str], cells: Cells, top_code: Mapping[str, int]) -> Cells:
    """The cells with every value over its column's top code merged into that."""
    if not any(column in top_code for column in group_by):
        return cells
    merged: Cells = {}
    for key, sums in cells.items():
        coded = tuple(
            min(int(value), top_code[column]) if column in top_code else value
            for column, value in zip(group_by, key, strict=True)
        )
        merge_cells(merged, {coded: sums})
    return merged


def _wholes(cells: Cells) -> dict[Key, int]:
    """The people within all but the last grouping column: what a share is a share of."""
    wholes: dict[Key, int] = {}
    for key, sums in cells.items():
        wholes[key[:-1]] = wholes.get(key[:-1], 0) + sums.n
    return wholes


def _figures(
    sums: Sums,
    whole: int,
    buckets: Mapping[int, int],
    analysis: Analysis,
    contract: Contract,
) -> tuple[str, ...]:
    figures: list[str] = []
    least = contract.disclosure.minimum_rows
    for statistic in analysis.statistics:
        if contract.withholds(statistic):
            figures += (NULL,) * len(STATISTICS[statistic].columns)
        elif STATISTICS[statistic].bucketed:
            figures.append(statistics.median(buckets, least, contract.decimals))
        else:
            figures += statistics.COMPUTED[statistic](sums, whole, contract.decimals)
    return tuple(figures)
