"""Subtle breaks of the library, and the tests that should notice each."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.end_run.aws import AwsPlatform
from medical_charges.aggregates.buckets import buckets, places
from medical_charges.aggregates.cube import check_size
from medical_charges.aggregates.difference import Difference as GroupDifference
from medical_charges.aggregates.partial import read_partial
from medical_charges.aggregates.state import StoredState, read_state
from medical_charges.analysis.earlier import record_versions, still_compared
from medical_charges.analysis.nesting_scan import _apart
from medical_charges.analysis.run import _account, _note_duplicates, _split
from medical_charges.contract.nesting import lies_within
from medical_charges.dashboard.definition.define import _caveats
from medical_charges.dashboard.quicksight.fields import labels_of
from medical_charges.dashboard.quicksight.sheets import _Selection
from medical_charges.dashboard.quicksight.visuals import Visuals
from medical_charges.kernel.blocks import read_range
from medical_charges.kernel.columns import may_be_empty
from medical_charges.kernel.lines import Lines, record_ends
from medical_charges.kernel.parquet.footer import Footer
from medical_charges.kernel.parquet.reading import ParquetReader
from medical_charges.kernel.parquet.scan import _quotient, _whole
from medical_charges.kernel.parquet.texts import _field, _of_floats, is_dated
from medical_charges.kernel.row_validator import RowValidator, _integer, scale
from medical_charges.kernel.scan import fits
from medical_charges.outputs.disclosure.differences import Earlier, Snapshot
from medical_charges.outputs.disclosure.moments import Moments
from medical_charges.outputs.disclosure.pattern import _Search
from medical_charges.outputs.disclosure.system import System
from medical_charges.outputs.statistics import _rounded_root, critical, median
from medical_charges.outputs.tables import (
    _analysis,
    _check_no_margin,
    _comparisons,
    _figures,
    _Groups,
)
from medical_charges.outputs.welch import pairs, welch
from medical_charges.runs.differencing import (
    Change as Difference,
)
from medical_charges.runs.differencing import (
    _margin,
    _rows_by_object,
    removed_rows,
)
from medical_charges.runs.ledger import Fence, Ledger
from medical_charges.runs.lifecycle import _is_shown
from medical_charges.runs.manifests import _content_problems, _file_problems, _setting_problems
from medical_charges.runs.publish import _delete_others, _refuse_others, validated_files
from medical_charges.runs.rollback import publish_again, roll_back
from medical_charges.validation.checks.disclosure import Nesting, _small
from medical_charges.validation.checks.files import _encoding_problems
from medical_charges.validation.checks.freshness import _stale
from medical_charges.validation.dqdl.rules import _median
from medical_charges.validation.dqdl.together import _any, _stackable, _suspects
from medical_charges.validation.recount.rows import Measure
from medical_charges.validation.recount.sums import _rounded
from tests.helpers import ROOT
from tests.mutation import Change, dropped, negated, replaced


@dataclass(frozen=True)
class Mutant:
    """A break, and who should notice."""

    name: str
    target: object
    change: Change
    tests: tuple[str, ...]
    """Files of tests."""


def mutant(name: str, target: object, change: Change, *tests: str) -> Mutant:
    return Mutant(name, target, change, tuple(map(_file, tests)))


def _file(test: str) -> str:
    """The one file of tests with this name."""
    [found] = (ROOT / "tests").rglob(f"{test}.py")
    return str(found.relative_to(ROOT))


KERNEL = (
    mutant("the nullable last column is forgotten", may_be_empty,
           replaced("column.nullable or _", "_"), "test_properties"),
    mutant("a last column whose empty field stands for a value is forgotten", may_be_empty,
           replaced("column.nullable or _", "column.nullable"), "analysis/test_dialects"),
    mutant("examples of a rejected integer measure may be shown", RowValidator._may_show,
           replaced("bool(whole) and _", "bool(whole)"), "test_row_validator"),
    mutant("a value of the measure is shown as an example", RowValidator._may_show,
           dropped("name == self._contract.measure"), "test_row_validator"),
    mutant("a value on the minimum is rejected", RowValidator._value,
           replaced("value < column.minimum", "value <= column.minimum"),
           "test_row_validator"),
    mutant("the least 64-bit integer is refused", _integer,
           replaced("_1 <= value < _2", "_1 < value < _2"), "test_row_validator"),
    mutant("a measure on the limit is too large", RowValidator._scaled,
           replaced("_ > MEASURE_LIMIT", "_ >= MEASURE_LIMIT"),
           "test_row_validator"),
    mutant("amounts of sixteen digits are rounded as doubles", scale,
           replaced("_ <= EXACT_LIMIT", "_ <= MEASURE_LIMIT"), "test_large_amounts"),
    mutant("a bucket ends with its half", buckets,
           replaced("(_ + 1) // 2", "(_ + 2) // 2"), "test_medians"),
    mutant("a bucket stands for what is above it", buckets,
           replaced("(least, rounded)", "(least, rounded + 1)"), "test_medians"),
    mutant("below zero there are the buckets of above", places,
           replaced("_ * np.sign(numbers)", "_"), "test_medians"),
    mutant("sums are checked by their greatest value alone", fits,
           replaced("max(abs(least), abs(most))", "abs(most)"),
           "test_properties"),
    mutant("a row group that starts a range is in none", ParquetReader.frames,
           replaced("start <= it.start < end", "start < it.start < end"), "test_parquet"),
    mutant("row groups together skip what is between them", ParquetReader._together,
           replaced("_ > _TOGETHER_BYTES or not follows", "_ > _TOGETHER_BYTES"), "test_parquet"),
    mutant("a dictionary is behind its column", Footer._span,
           replaced("0 < _ < start", "0 > start"), "test_parquet"),
    mutant("fractions of doubles are cut off", _whole,
           replaced("(value.abs() < _PLAIN_WHOLE) & (value == value.floor())",
                    "value.abs() < _PLAIN_WHOLE"), "test_parquet"),
    mutant("decimal numbers beyond doubles are divided", _quotient,
           replaced("units.is_between(-_EXACT, _EXACT)", "units.is_not_null()"), "test_parquet"),
    mutant("texts of large floats are those of Polars", _of_floats,
           replaced("others.is_empty()", "True"), "test_parquet"),
    mutant("the year 999 is written as a day", is_dated,
           replaced("day.dt.year().is_between(*_YEARS)", "day.dt.year() > 0"), "test_parquet"),
    mutant("quotes in a record stay single", _field,
           replaced("_.replace(_1, _2)", "text"), "test_parquet"),
    mutant("a range may start inside a line", read_range,
           replaced("start == data_start", "start >= data_start"), "test_same_bytes"),
    mutant("a record may end inside quotes", record_ends,
           replaced("_ % 2 == 0", "_ % 2 >= 0"),
           "test_pii_values", "test_bad_input", "test_properties"),
    mutant("an open record at a block's end is lost", Lines.records_of,
           replaced("ends[-1] != last", "ends[-1] > last"),
           "test_properties"),
)  # fmt: skip

AGGREGATES = (
    mutant("one group too many is allowed", check_size,
           replaced("cells > CELL_LIMIT", "cells > CELL_LIMIT + 1"), "test_bounds"),
    mutant("sums of an earlier version's large amounts are kept", read_partial,
           dropped("if not exactness(cube).items() <= value.items():\n    return None"),
           "test_large_amounts"),
    mutant("a damaged partial fails the run", read_partial,
           replaced("(ObjectMissingError, ValueError)", "ObjectMissingError"),
           "test_increments"),
    mutant("a state of another kernel fits", read_state,
           replaced('(value["shape"], value["kernel"]) == _',
                    'value["shape"] == contract.schema_hash'),
           "test_kernel_version", "test_increments"),
    mutant("a stored state of another kernel fits", StoredState.fits,
           replaced("(self.schema_hash, self.kernel) == _",
                    "self.schema_hash == contract.schema_hash"),
           "test_differencing"),
    mutant("what was removed stays in the state", _split,
           replaced("base = EMPTY", "pass"), "test_increments"),
    mutant("a share of rejected rows on the limit is over it", _account,
           replaced("_1 > limit * _2", "_1 >= limit * _2"), "test_bad_input"),
    mutant("objects whose rows are all rejected hold the same", _note_duplicates,
           replaced("member.tally.rows == member.tally.rejected", "False"), "test_bad_input",
           "test_increments"),
)  # fmt: skip

OUTPUTS = (
    mutant("halves are rounded up", _rounded_root,
           dropped("floor % 2 == 1"), "test_published_figures", "test_properties"),
    mutant("a median may be the first of so few", median,
           replaced("rank - 1", "rank"), "test_medians"),
    mutant("the median is the upper of two", median,
           replaced("(n + 1) // 2", "n // 2 + 1"), "test_medians"),
    mutant("only the first filter is refused a group called all", _check_no_margin,
           replaced("filters", "filters[:1]"), "test_disclosure"),
    mutant("extremes are always published", _figures,
           replaced("contract.withholds(statistic)", "False"),
           "test_disclosure"),
    mutant("a share reveals no whole", _analysis,
           replaced("_1 if shares else ()", "()"), "test_disclosure"),
    mutant("Welch's test needs variance in every group", welch,
           replaced("not squared_error", "not all(error for error, _ in errors)"), "test_welch"),
    mutant("a layer's error counts by its weight itself", welch,
           replaced("Fraction(people, everybody) ** 2", "Fraction(people, everybody)"),
           "test_welch"),
    mutant("a quantile has the digits of a double", critical,
           replaced("2 * density", "density"), "test_large_amounts"),
    mutant("weights are not told", _comparisons,
           replaced("Row(output, compared, weights, measured=True)",
                    "Row(output, compared, measured=True)"), "test_welch"),
    mutant("a stratum needs the first group", pairs,
           replaced("key[-1] in comparison.groups", "key[-1] == comparison.groups[0]"),
           "test_welch"),
)  # fmt: skip

DISCLOSURE = (
    mutant("a group of the minimum is suppressed", _Search.run,
           replaced("0 < _ < minimum", "0 < _ <= minimum"), "test_disclosure"),
    mutant("a row is small only if all its groups are", _Search.run,
           replaced("any(_1 for cell in _2)", "all(_1 for cell in _2)"), "test_disclosure",
           "test_welch"),
    mutant("a count may be confined to one value less", System.unsafe,
           replaced("_ < SPAN", "_ < SPAN - 1"), "test_disclosure"),
    mutant("the solver may confine a count to one value less", System._confined,
           replaced("seen_high[i] - seen_low[i] < SPAN", "seen_high[i] - seen_low[i] < SPAN - 1"),
           "test_disclosure"),
    mutant("sums are taken to confine nothing", Moments.confined,
           replaced("not inside or self._is_free(part, measured, known)", "True"), "test_attack"),
    mutant("small unions are overlooked", System.divided,
           replaced("people > 0", "people > below"), "test_disclosure"),
    mutant("a change of the minimum is small to an output", Snapshot.small,
           replaced("_ < self._minimum", "_ <= self._minimum"), "test_waiting"),
    mutant("a group is shown one person too early", Snapshot.__dict__["still_hidden"].fget,
           replaced("_ < self._minimum", "_ < self._minimum - 1"), "test_waiting"),
    mutant("hidden groups may change little together", _Search.differing,
           replaced("0 < _ < self._minimum", "0 < _ < 2"), "test_waiting"),
    mutant("outputs are compared with themselves alone", Earlier._tells,
           replaced("snapshot.outputs", "{output} & {*snapshot.outputs}"), "test_waiting"),
    mutant("what readers know is taken to protect", Earlier.shows,
           replaced("labels in shown", "labels not in shown"), "test_waiting"),
    mutant("what groups lie in protects nothing", _Groups.behind,
           replaced("levels | nested", "levels"), "test_nesting"),
    mutant("outputs are not compared by what their groups lie in", Earlier._levels,
           replaced("(name, *wholes(name))", "(name,)"), "test_nesting"),
    mutant("columns that an output groups by together are refused", _apart,
           dropped("not any({one, other} <= names for names in together)"), "test_nesting"),
    mutant("a value may stand with several others", lies_within,
           replaced("len(fine) < len(counts)", "False"), "test_nesting"),
    mutant("a publication that starts over ends no comparison", still_compared,
           replaced("max(starts, default=0)", "0"), "test_history"),
    mutant("the last version alone is compared with", still_compared,
           replaced("max(starts, default=0)", "-1"), "test_history"),
    mutant("what was published before is forgotten", record_versions,
           replaced("history.get(name, ())", "()"), "test_history"),
)  # fmt: skip

RUNS = (
    mutant("a moved sum with equal counts is nobody", GroupDifference.__dict__["fewest"].fget,
           replaced("max(1, -_)", "-_"), "test_differencing", "test_hold"),
    mutant("a change of the minimum is small", Difference.is_small,
           replaced("0 < size < minimum", "0 < size <= minimum"), "test_differencing", "test_hold"),
    mutant("rejected rows count as people that came", _rows_by_object,
           replaced("m.tally.rows - m.tally.rejected", "m.tally.rows"),
           "test_differencing"),
    mutant("rejected rows count as people that went", removed_rows,
           replaced("_ - member.tally.rejected", "_"), "test_differencing"),
    mutant("margins are read off the largest grouping set", _margin,
           replaced("min(having, key=len, default=())", "max(having, key=len, default=())"),
           "test_differencing"),
    mutant("a fence of an earlier attempt still records", Ledger.set_live,
           replaced('"holder = :holder AND run_id = :run AND attempt = :attempt"',
                    '"holder = :holder AND run_id = :run AND attempt >= :attempt"'), "test_ledger"),
    mutant("a fence of an earlier attempt still writes", Fence.holds,
           replaced("_ != mine", "_ < mine"), "test_ledger"),
    mutant("a lease is lost in its last second", Ledger.take,
           replaced("old.expires < _", "old.expires <= _"), "test_ledger"),
    mutant("what was asked of an abandoned run is done again", Ledger.take,
           replaced("old.holder != holder and old.abandoned", "False"), "test_ledger"),
    mutant("a writer ends by its time, not behind it", Ledger.writing,
           replaced("_1.writing_until >= _2", "_1.writing_until > _2"), "test_ledger"),
    mutant("outputs of a failed validation may be published", validated_files,
           dropped('not result["passed"]'), "test_publication", "test_manifests"),
    mutant("another run's validation is taken", validated_files,
           dropped('result["run_id"] != run_id'), "test_publication", "test_manifests"),
    mutant("an output that is not there is as validated", _refuse_others,
           replaced("name not in outputs or _", "name in outputs and _"),
           "test_publication", "test_manifests"),
    mutant("a rollback leaves the record of the live run", publish_again,
           dropped("write_live(store, layout, run_id, files)"), "test_rollback"),
    mutant("outputs of another contract stay after a rollback", _delete_others,
           replaced("ref.key not in kept", "False"), "test_failed_runs", "test_rollback"),
    mutant("a live run is rolled back", roll_back,
           replaced("live.run_id == run_id", "False"), "test_lost_lease"),
    mutant("a run that failed after it was live is shown", _is_shown,
           replaced("_ == SUCCEEDED", "_ != STALE"), "test_planning", "test_hold"),
    mutant("any tagged cluster is ended", AwsPlatform._end_clusters,
           replaced("_.endswith(mark)", "_"), "test_endings"),
    mutant("any job of EMR Serverless is cancelled", AwsPlatform._end_jobs,
           replaced("_.endswith(mark)", "_"), "test_endings"),
    mutant("settings that a manifest lacks are right", _setting_problems,
           replaced("settings.get(name) != wanted", "settings.get(name, wanted) != wanted"),
           "test_manifests"),
    mutant("a manifest may lead to a folder of a like name", _file_problems,
           replaced('f"{table.folder}/"', "table.folder"), "test_manifests"),
    mutant("withheld outputs may have rows", _content_problems,
           replaced("table.withheld and rows.strip()", "False"), "test_manifests"),
)  # fmt: skip

VALIDATION = (
    mutant("a shown group of one is not small", _small,
           replaced("0 < n < least", "1 < n < least"), "test_outputs"),
    mutant("a file without a last newline is right", _encoding_problems,
           dropped(r'not file.data.endswith(b"\n")'), "test_outputs"),
    mutant("a summary of another contract is right", _stale,
           replaced('summary["contract"] != _', "False"),
           "test_outputs"),
    mutant("groups of rows may be wrong where outputs are evaluated together", _suspects,
           replaced("passed.issuperset(map(rule_key, others))", "passed"),
           "test_dqdl_together"),
    mutant("a condition on rows is left out where outputs are evaluated together", _any,
           replaced("conditions", "conditions[1:]"), "test_dqdl_together"),
    mutant("types of columns are not looked at where outputs are evaluated together", _stackable,
           replaced("known.get(folded, column) == column", "folded"), "test_dqdl_together"),
    mutant("the recount rounds 500 and more as less", _rounded,
           replaced("first < 5", "first <= 5"), "test_medians"),
    mutant("the rules ask for a median of one fewer", _median,
           replaced("2 * least + 1", "2 * least"), "test_medians"),
    mutant("the recount rounds amounts of sixteen digits as doubles", Measure._whole,
           replaced("_ <= _SURE", "True"), "test_large_amounts"),
    mutant("validation follows no sums of what groups lie in", Nesting.is_in,
           dropped("any((it, name) in self._wholes for it in names)"), "test_nesting"),
)  # fmt: skip

DASHBOARD = (
    mutant("a pie is drawn of what is left of everybody", Visuals._drawn,
           negated('visual.kind == "pie"'), "dashboard/test_quicksight"),
    mutant("a pie is drawn of what is left of a selection", _Selection.visuals,
           replaced("published.as_bars", "published"), "dashboard/test_quicksight"),
    mutant("labels that stand for two values are offered", labels_of,
           replaced("len(_) < len(labels)", "False"), "dashboard/test_quicksight"),
    mutant("minima that nobody sees are explained", _caveats,
           replaced("_ and not contract.withholds(name)", "_"), "test_definition"),
)  # fmt: skip

MUTANTS = (*KERNEL, *AGGREGATES, *OUTPUTS, *DISCLOSURE, *RUNS, *VALIDATION, *DASHBOARD)
