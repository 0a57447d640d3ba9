"""Manifests: what is generated is what QuickSight reads, and what it would misread is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from medical_charges.contract import Contract
from medical_charges.errors import ManifestError
from medical_charges.layout import Layout
from medical_charges.runs.manifests import FILES_LIMIT, generate_manifests, validate_manifests
from medical_charges.storage import S3Store

ANALYSIS = "charges_by_age"
OUTPUT = f"MedicalCharges/Output_data/{ANALYSIS}/{ANALYSIS}.csv"
KEY = f"MedicalCharges/Manifest_data/{ANALYSIS}.json"
URI = f"s3://medicalcharges/{OUTPUT}"
HEADER = b"age,patients,mean_charges,ci95_low,ci95_high,median_charges"


@pytest.fixture
def published(bucket: S3Store, contract: Contract) -> S3Store:
    """A bucket with published outputs and good manifests."""
    layout = Layout(contract.prefix)
    for name, output in contract.outputs.items():
        header = ",".join(output.header).encode()
        row = b",".join([b"1"] * (header.count(b",") + 1))
        bucket.write(layout.published(name), header + b"\n" + row + b"\n")
    generate_manifests(bucket, layout, contract.outputs)
    return bucket


def refusals(store: S3Store, contract: Contract) -> list[str]:
    """Return the problems, sentence by sentence."""
    with pytest.raises(ManifestError) as caught:
        validate_manifests(store, contract)
    return str(caught.value).splitlines()


def change(store: S3Store, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit one good manifest."""
    value = json.loads(store.read(KEY))
    edit(value)
    store.write(KEY, json.dumps(value).encode())


def with_uris(store: S3Store, *uris: object) -> None:
    """Let one manifest list these."""
    change(store, lambda m: m.update(fileLocations=[{"URIs": list(uris)}]))


def test_a_manifest_is_what_quicksights_documentation_shows(published: S3Store) -> None:
    assert json.loads(published.read(KEY)) == {
        "fileLocations": [{"URIs": [URI]}],
        "globalUploadSettings": {
            "format": "CSV",
            "delimiter": ",",
            "textqualifier": '"',
            "containsHeader": "true",
        },
    }


def test_generated_manifests_are_valid(published: S3Store, contract: Contract) -> None:
    validate_manifests(published, contract)
    found = [ref.key for ref in published.list("MedicalCharges/Manifest_data")]
    assert found == sorted(f"MedicalCharges/Manifest_data/{n}.json" for n in contract.outputs)


def test_generating_removes_the_manifest_of_an_analysis_that_is_gone(
    published: S3Store, contract: Contract
) -> None:
    published.write("MedicalCharges/Manifest_data/charges_by_zip.json", b"{}")
    assert refusals(published, contract) == [
        "MedicalCharges/Manifest_data/charges_by_zip.json belongs to no analysis of the contract"
    ]
    generate_manifests(published, Layout(contract.prefix), contract.outputs)
    validate_manifests(published, contract)


@pytest.mark.parametrize(
    "uri",
    [
        URI,
        f"https://s3.amazonaws.com/medicalcharges/{OUTPUT}",
        f"https://medicalcharges.s3.amazonaws.com/{OUTPUT}",
        f"https://s3-eu-west-1.amazonaws.com/medicalcharges/{OUTPUT}",
        f"https://s3.eu-west-1.amazonaws.com/medicalcharges/{OUTPUT}",
        f"https://medicalcharges.s3.eu-west-1.amazonaws.com/{OUTPUT.replace('_', '%5F')}",
    ],
)
def test_every_form_of_uri_that_quicksight_takes_is_taken(
    published: S3Store, contract: Contract, uri: str
) -> None:
    with_uris(published, uri)
    validate_manifests(published, contract)


def _write(data: bytes) -> Callable[[S3Store], None]:
    return lambda store: store.write(KEY, data)


def _edit(edit: Callable[[dict[str, Any]], object]) -> Callable[[S3Store], None]:
    return lambda store: change(store, edit)


def _list(*uris: object) -> Callable[[S3Store], None]:
    return lambda store: with_uris(store, *uris)


def _output(data: bytes) -> Callable[[S3Store], None]:
    return lambda store: store.write(OUTPUT, data)


BROKEN: dict[str, tuple[Callable[[S3Store], None], str]] = {
    "no manifest": (lambda store: store.delete(KEY), f"{KEY} does not exist"),
    "not JSON": (_write(b"{'fileLocations': []}"), "the manifest is not JSON: Expecting property"),
    "not text": (_write(b"\xff\xfe{}"), "the manifest is not JSON: "),
    "a list": (_write(b"[]"), "the manifest is a list, not an object"),
    "its own byte-order mark": (
        _write(b"\xef\xbb\xbf{}"),
        "the manifest starts with a byte-order mark",
    ),
    "a stray key": (
        _edit(lambda m: m.update(dataset="x")),
        "the manifest has the stray key 'dataset'; allowed: fileLocations, globalUploadSettings",
    ),
    "a stray setting": (
        _edit(lambda m: m["globalUploadSettings"].update(startRow="2")),
        "globalUploadSettings has the stray key 'startRow'",
    ),
    "no settings": (
        _edit(lambda m: m.pop("globalUploadSettings")),
        "globalUploadSettings is missing, not an object",
    ),
    "the wrong format": (
        _edit(lambda m: m["globalUploadSettings"].update(format="TSV")),
        'the format is "TSV"; the outputs have "CSV"',
    ),
    "the wrong delimiter": (
        _edit(lambda m: m["globalUploadSettings"].update(delimiter=";")),
        'the delimiter is ";"; the outputs have ","',
    ),
    "no header": (
        _edit(lambda m: m["globalUploadSettings"].pop("containsHeader")),
        'the containsHeader is missing; the outputs have "true"',
    ),
    "no locations": (_edit(lambda m: m.pop("fileLocations")), "fileLocations is missing, not a"),
    "no files": (_list(), "no file is listed"),
    "prefixes": (
        _edit(lambda m: m.update(fileLocations=[{"URIPrefixes": [URI]}])),
        "URIPrefixes include every object below them: list URIs",
    ),
    "a location that is text": (
        _edit(lambda m: m.update(fileLocations=[URI])),
        "an entry of fileLocations is text, not an object",
    ),
    "a URI that is a number": (_list(7), "a URI is a number or a truth, not text"),
    "a URI of something else": (_list("ftp://x/y.csv"), "ftp://x/y.csv is not the URI of an S3"),
    "the wrong bucket": (
        _list(URI.replace("medicalcharges", "othercharges")),
        "is in the bucket 'othercharges', not in s3://medicalcharges",
    ),
    "a directory": (
        _list(f"s3://medicalcharges/MedicalCharges/Output_data/{ANALYSIS}/"),
        f"s3://medicalcharges/MedicalCharges/Output_data/{ANALYSIS}/ is a directory, not a file",
    ),
    "another folder": (
        _list(URI.replace("Output_data", "Input_data")),
        f"is not below MedicalCharges/Output_data/{ANALYSIS}/",
    ),
    "a folder of a like name": (
        _list(URI.replace(f"{ANALYSIS}/", f"{ANALYSIS}_2/")),
        f"{ANALYSIS}_2/{ANALYSIS}.csv is not below MedicalCharges/Output_data/{ANALYSIS}/",
    ),
    "a missing object": (_list(URI + ".gz"), f"{URI}.gz does not exist"),
    "a file twice": (_list(URI, URI), f"{URI} is listed 2 times, so its rows would be too"),
    "too many files": (
        _list(*(f"{URI}.{n}" for n in range(FILES_LIMIT + 1))),
        "1,001 files are listed; QuickSight reads at most 1,000",
    ),
    "an empty file": (_output(b""), f"{URI} is empty"),
    "a file of a header": (_output(HEADER + b"\n"), f"{URI} has a header and no rows"),
    "a byte-order mark": (
        _output(b"\xef\xbb\xbf" + HEADER + b"\n1,1,1,1,1,1\n"),
        f"{URI} starts with a byte-order mark",
    ),
    "columns in another order": (
        _output(b"patients,age,mean_charges,ci95_low,ci95_high\n1,1,1,1,1\n"),
        f"{URI} has the header 'patients,age,mean_charges,ci95_low,ci95_high'; the contract says",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_manifest_is_refused_with_its_own_sentence(
    published: S3Store, contract: Contract, case: str
) -> None:
    damage, sentence = BROKEN[case]
    damage(published)
    (found,) = refusals(published, contract)
    assert sentence in found
    assert found.startswith(KEY)


def test_an_output_has_rows_unless_it_is_withheld(published: S3Store, contract: Contract) -> None:
    with pytest.raises(ManifestError, match=rf"{URI} has rows, and is to be withheld"):
        validate_manifests(published, contract, [ANALYSIS])
    published.write(OUTPUT, HEADER + b"\n")
    validate_manifests(published, contract, [ANALYSIS])


def test_no_two_broken_manifests_share_a_sentence() -> None:
    assert len({sentence for _, sentence in BROKEN.values()}) == len(BROKEN)


def test_everything_that_is_wrong_is_said_at_once(published: S3Store, contract: Contract) -> None:
    published.delete("MedicalCharges/Manifest_data/smokers_by_region.json")
    with_uris(published, URI + ".gz", "s3://x/y")
    assert len(refusals(published, contract)) == 3
