"""Files of Parquet on this machine: drafted, checked for personal data, analyzed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

import medical_charges as mc
from medical_charges.contract import Contract, load_contract, parse_contract
from medical_charges.draft import draft_contract
from medical_charges.errors import InputRefusedError
from medical_charges.local.files import refuse_wrong_files
from medical_charges.storage import LocalStore
from ops import __main__ as ops
from tests.helpers import CHARGES_FILE, WITHOUT_CUBES, run, upload
from tests.unit.analysis.test_nesting import CONTRACT as STAYS
from tests.unit.analysis.test_nesting import SAID, stays
from tests.unit.contract.test_pii_values import PEOPLE

AS_PARQUET = WITHOUT_CUBES.replace("format: csv", "format: parquet")


@pytest.fixture
def charges(tmp_path: Path) -> Path:
    """The real file as Parquet, in several row groups."""
    path = tmp_path / "Charges.parquet"
    pl.read_csv(CHARGES_FILE).write_parquet(path, row_group_size=300)
    return path


def test_the_real_file_gives_the_same_bytes_as_parquet(charges: Path) -> None:
    found = mc.analyze(charges, parse_contract(AS_PARQUET))
    assert found.files == mc.analyze(CHARGES_FILE, parse_contract(WITHOUT_CUBES)).files
    assert found.summary.rows == 1338


def test_a_draft_says_the_format_and_passes_the_check(
    charges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "draft.yaml"
    assert ops.main(["contract", "--input", str(charges), "--contract", str(target)]) == 0
    contract = load_contract(target)
    assert contract.source.is_parquet
    csv = draft_contract({"Charges.csv": CHARGES_FILE}, "charges").contract
    assert contract.source.columns == csv.source.columns
    assert "of 1338 sampled rows 0 would be rejected" in capsys.readouterr().out
    assert ops.main(["check", "--input", str(charges), "--contract", str(target)]) == 0


def test_a_draft_leaves_out_what_no_contract_reads_and_samples_all_row_groups(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame(
        {
            "ward": ["north", "south"] * 500,
            "insured": [True, False] * 500,
            "note": ["two\nlines", None] * 500,
            "visits": [1.0, 2.0, 3.0, None] * 250,
            "cost": [i / 4 for i in range(1000)],
        }
    )
    frame.write_parquet(path, row_group_size=50)
    draft = draft_contract({"x.parquet": path}, "x")
    assert draft.sample.whole
    assert "# left out: insured: boolean, which no contract reads" in draft.text
    assert "visits: { type: integer, minimum: 1, maximum: 3, decimal_zeros: true" in draft.text
    assert draft.contract.measure == "cost"


def folder_of_both(charges: Path) -> Path:
    folder = charges.parent / "both"
    folder.mkdir()
    shutil.copy(charges, folder / "a.parquet")
    shutil.copy(CHARGES_FILE, folder / "b.csv")
    return folder


def test_no_contract_is_drafted_for_a_folder_of_both_formats(charges: Path) -> None:
    folder = folder_of_both(charges)
    files = {path.name: path for path in folder.iterdir()}
    with pytest.raises(
        InputRefusedError, match=r"a\.parquet is Parquet, and b\.csv is not: .* own"
    ):
        draft_contract(files, "both")


@pytest.mark.parametrize("text", [WITHOUT_CUBES, AS_PARQUET], ids=["csv", "parquet"])
def test_a_folder_of_both_formats_is_refused_by_either_contract(charges: Path, text: str) -> None:
    with pytest.raises(InputRefusedError, match="keep the others in another folder"):
        mc.analyze(folder_of_both(charges), parse_contract(text))


def test_a_file_of_other_columns_is_told_which_command_drafts_a_contract(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"ward": ["a"], "cost": [1.5]}).write_parquet(path)
    with pytest.raises(InputRefusedError, match="make contract INPUT="):
        mc.analyze(path, parse_contract(AS_PARQUET))


def with_people(tmp_path: Path, kind: str, first: int) -> tuple[Path, Contract, str]:
    """The real file with a column of people's data, with so many rows in its first row group."""
    sentence, make = PEOPLE[kind]
    rng, path = random.Random(3), tmp_path / "people.parquet"
    frame = pl.read_csv(CHARGES_FILE)
    values = pl.Series("word", [make(rng) for _ in range(frame.height)])
    table = frame.with_columns(values).to_arrow()
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table[:first])
        writer.write_table(table[first:])
    column = "  columns:\n    word: { type: string, nullable: true }"
    return path, parse_contract(AS_PARQUET.replace("  columns:", column, 1)), sentence


@pytest.mark.parametrize("first", [1, 400])
@pytest.mark.parametrize("kind", ["mail", "full names"])
def test_personal_data_in_parquet_is_refused_before_anything_is_stored(
    tmp_path: Path, store: LocalStore, kind: str, first: int
) -> None:
    path, contract, sentence = with_people(tmp_path, kind, first)
    upload(store, contract, {"people.parquet": path.read_bytes()})
    for _ in range(2):
        # The second run has not learned in the first that the object is known.
        with pytest.raises(InputRefusedError, match=f"'word' holds what looks like {sentence}"):
            run(store, contract)
    assert not [ref for ref in store.list("") if "Cube_data" in ref.key]
    with pytest.raises(InputRefusedError, match="'word' holds what looks like"):
        refuse_wrong_files({path.name: path}, contract)


def test_columns_of_parquet_that_determine_each_other_are_refused_until_it_is_said(
    tmp_path: Path,
) -> None:
    header, rows = ["state", "area", "ward", "nights", "cost"], [r.split(",") for r in stays()]
    frame = pl.DataFrame(rows, schema=header, orient="row")
    path = tmp_path / "stays.parquet"
    frame.with_columns(pl.col("nights", "cost").cast(pl.Int64)).write_parquet(path)
    with pytest.raises(InputRefusedError, match="within"):
        mc.analyze(path, parse_contract(STAYS.replace("csv", "parquet")))
    assert mc.analyze(path, parse_contract(SAID.replace("csv", "parquet"))).outputs
