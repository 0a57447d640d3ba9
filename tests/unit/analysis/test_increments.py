"""A run costs what is new: only objects without a partial are read."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path

import pytest

from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import InputRefusedError, TooManyRejectedError
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from ops.folders import mirror_input
from ops.written import Written
from tests.helpers import WITHOUT_CUBES, CountingEngine, outputs_of, remove, run, staged, upload


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(WITHOUT_CUBES)


def halves(data: bytes) -> tuple[bytes, bytes]:
    header, *lines = data.splitlines(keepends=True)
    return header + b"".join(lines[:700]), header + b"".join(lines[700:])


@pytest.fixture
def engine() -> CountingEngine:
    return CountingEngine()


def test_unchanged_input_is_not_read_again(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    assert run(store, contract, "first").objects_read == 1
    assert run(store, contract, "second", engine=engine).objects_read == 0
    assert engine.read == []
    assert staged(store, contract, "second") == staged(store, contract, "first")


def test_a_contract_that_says_where_its_data_comes_from_goes_on_with_what_is_stored(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract, "first")
    source = "dashboard: { source: { origin: a register } }\n"
    other = parse_contract(WITHOUT_CUBES + source)
    assert other.contract_hash != contract.contract_hash
    assert run(store, other, "second", engine=engine).objects_read == 0
    assert engine.read == []
    assert staged(store, other, "second") == staged(store, contract, "first")


def test_after_adding_an_object_only_that_is_read(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    first, second = halves(real_file)
    upload(store, contract, {"a.csv": first})
    run(store, contract)
    upload(store, contract, {"b.csv": second})
    assert run(store, contract, engine=engine).objects == 2
    assert engine.read == ["b.csv"]


def test_after_removing_an_object_nothing_is_read_and_the_outputs_are_those_from_scratch(
    store: LocalStore,
    contract: Contract,
    real_file: bytes,
    engine: CountingEngine,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    first, second = halves(real_file)
    upload(store, contract, {"a.csv": first, "b.csv": second})
    run(store, contract, "both")
    remove(store, contract, "b.csv")
    run(store, contract, "one", engine=engine)
    assert engine.read == []
    scratch = LocalStore(tmp_path_factory.mktemp("scratch"))
    assert staged(store, contract, "one") == outputs_of(scratch, contract, {"a.csv": first})


def test_an_object_that_comes_back_is_known(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    first, second = halves(real_file)
    upload(store, contract, {"a.csv": first, "b.csv": second})
    run(store, contract, "both")
    bucket = Path(store.uri.removeprefix("file://"))
    path, aside = bucket / Layout(contract.prefix).input / "b.csv", bucket / "aside"
    path.rename(aside)
    run(store, contract, "one")
    aside.rename(path)
    run(store, contract, "again", engine=engine)
    assert engine.read == []
    assert staged(store, contract, "again") == staged(store, contract, "both")


def test_an_object_that_was_replaced_is_read_again(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    first, second = halves(real_file)
    upload(store, contract, {"a.csv": first, "b.csv": second})
    run(store, contract)
    upload(store, contract, {"b.csv": first})
    summary = run(store, contract, engine=engine)
    assert engine.read == ["b.csv"]
    assert summary.counted == 1400


def test_a_file_of_the_same_name_size_and_time_with_other_content_is_new(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine, tmp_path: Path
) -> None:
    """As archives give all their files one time. A third file may get the first copy's inode."""
    header, newline, rows = real_file.partition(b"\n")
    regions = [b"southwest", b"southeast", b"northwest", b"northeast"]
    files = [tmp_path / region.decode() / "Charges.csv" for region in regions]
    for file, region in zip(files, regions, strict=True):
        file.parent.mkdir()
        file.write_bytes(header + newline + re.sub(rb"(north|south)(east|west)", region, rows))
        os.utime(file, (1_000_000_000, 1_000_000_000))
    target = Path(store.uri.removeprefix("file://")) / Layout(contract.prefix).input
    for count, (file, region) in enumerate(zip(files, regions, strict=True), 1):
        mirror_input(file, target, Written(target.parent.parent, contract.prefix))
        run(store, contract, engine=engine)
        assert engine.read == ["Charges.csv"] * count
        assert staged(store, contract)["charges_by_region"].count(region) == 1


def test_a_copy_with_the_time_of_its_source_stays_known(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine, tmp_path: Path
) -> None:
    """Earlier versions copied the time too."""
    source = tmp_path / "Charges.csv"
    source.write_bytes(real_file)
    upload(store, contract, {"Charges.csv": real_file})
    target = Path(store.uri.removeprefix("file://")) / Layout(contract.prefix).input
    shutil.copystat(source, target / "Charges.csv")
    run(store, contract)
    mirror_input(source, target, Written(target.parent.parent, contract.prefix))
    os.utime(source)
    mirror_input(source, target, Written(target.parent.parent, contract.prefix))
    run(store, contract, engine=engine)
    assert engine.read == []


def changed(contract: Contract, **parts: object) -> Contract:
    return contract.model_copy(update=parts)


def test_after_a_change_of_bands_everything_is_read_again(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    upload(store, contract, dict(zip(("a.csv", "b.csv"), halves(real_file), strict=True)))
    run(store, contract)
    band = contract.bands["bmi_category"]
    wider = band.model_copy(update={"below": {**band.below, "overweight": 31}})
    run(store, changed(contract, bands={**contract.bands, "bmi_category": wider}), engine=engine)
    assert engine.read == ["a.csv", "b.csv"]


@pytest.mark.parametrize("part", ["quality", "disclosure"])
def test_after_a_change_of_quality_or_disclosure_nothing_is_read(
    part: str, store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract)
    update: dict[str, dict[str, object]] = {
        "quality": {"quality": contract.quality.model_copy(update={"maximum_rejected_share": 0})},
        "disclosure": {"disclosure": contract.disclosure.model_copy(update={"minimum_cell": 25})},
    }
    summary = run(store, changed(contract, **update[part]), "changed", engine=engine)
    assert engine.read == []
    analyses = summary.suppressed.keys() & contract.analyses.keys()
    assert bool(analyses) == (part == "disclosure")


def test_a_stricter_quality_refuses_objects_that_are_known(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    upload(store, contract, {"Charges.csv": real_file + b"\nnot,a,row\n"})
    assert run(store, contract).rejected == 1
    strict = contract.quality.model_copy(update={"maximum_rejected_share": 0})
    with pytest.raises(TooManyRejectedError, match="fields 1"):
        run(store, changed(contract, quality=strict))


def test_a_damaged_partial_is_made_again(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract, "first")
    for ref in list(store.list("MedicalCharges/Cube_data")):
        store.write(ref.key, store.read(ref.key).replace(b"324", b"325"))
    run(store, contract, "second", engine=engine)
    assert engine.read == ["Charges.csv"]
    assert staged(store, contract, "second") == staged(store, contract, "first")


def test_a_refused_object_costs_no_other_object_a_second_reading(
    store: LocalStore, contract: Contract, real_file: bytes, engine: CountingEngine
) -> None:
    first, second = halves(real_file)
    damaged = gzip.compress(real_file)[:-20]
    upload(store, contract, {"a.csv": first, "b.csv.gz": damaged, "c.csv": second})
    with pytest.raises(InputRefusedError, match=r"b\.csv\.gz: it is a damaged gzip file"):
        run(store, contract)
    remove(store, contract, "b.csv.gz")
    assert run(store, contract, engine=engine).counted == 1338
    assert engine.read == []
