"""Parquet in Spark's workers: scanned, recounted, and as a frame for rules."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl
import pytest

from medical_charges.analysis.engine import on_spark
from medical_charges.contract import parse_contract
from medical_charges.storage import LocalStore
from medical_charges.validation import Frames, validate_outputs
from medical_charges.validation.dqdl import Evaluator, rule_checks
from medical_charges.validation.recount import frames, parquet, sums
from tests.helpers import run, staged, upload
from tests.unit.validation.helpers import RULES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AS_PARQUET = RULES.replace("format: csv", "format: parquet")
ROWS = pl.DataFrame(
    {
        "kind": ["a", "b", "a", None] * 100,
        "note": ["n"] * 400,
        "whole": range(400),
        "few": [1, 2, 3, 12] * 100,
        "ratio": [0.5, None, 0.25, 1.0] * 100,
        "spare": [None, 1.5, 2.5, 3.5] * 100,
        "cost": [i / 8 for i in range(400)],
    }
)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:The distutils package is deprecated")  # Spark uses it
@pytest.mark.parametrize("few", [0, 1 << 20], ids=["workers", "driver"])
def test_spark_scans_recounts_and_judges_row_groups(
    spark: SparkSession,
    evaluator: Evaluator,
    store: LocalStore,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
) -> None:
    contract, data = parse_contract(AS_PARQUET), io.BytesIO()
    ROWS.write_parquet(data, row_group_size=90)
    upload(store, contract, {"x.parquet": data.getvalue()})
    engine = on_spark(lambda: spark)
    summary = run(store, contract, engine=engine, range_size=len(data.getvalue()) // 4)
    assert (summary.counted, summary.rejected) == (200, 200)
    here = LocalStore(store.uri.removeprefix("file://") + "/here")
    upload(here, contract, {"x.parquet": data.getvalue()})
    run(here, contract)
    assert staged(here, contract) == staged(store, contract)
    monkeypatch.setattr(parquet, "PIECE_BYTES", few)
    monkeypatch.setattr(sums, "DRIVER_BYTES", few)
    monkeypatch.setattr(frames, "_FEW_BYTES", few)
    seen = list[Frames]()

    def look(found: Frames) -> list[object]:
        seen.append(found)
        return list(rule_checks(found))

    result = validate_outputs(lambda: spark, store, contract, "run", frame_checks=[look])  # type: ignore[list-item]
    assert result.problems == []
    rows = sorted(tuple(row) for row in seen[0].accepted.collect())
    assert rows[0] == ("a", "n", 0, 1, 0.5, None, 0.0)
    assert len(rows) == 200
