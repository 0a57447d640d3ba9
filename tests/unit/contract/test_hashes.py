"""Which changes of a contract make partials new, and which only outputs."""

from __future__ import annotations

import re

import pytest
import yaml

from medical_charges.contract import Contract, parse_contract
from tests.unit.contract.texts import TEXT, changed

SHAPE_CHANGES = {
    "a band's edge": ("normal: 25", "normal: 24"),
    "a band's label": ("otherwise: obese", "otherwise: heavy"),
    "a column's rule": ("maximum: 120", "maximum: 110"),
    "the values allowed": ("[female, male]", "[female, male, other]"),
    "a further spelling": ("[female, male]", "[female, male], spellings: { male: m }"),
    "the decimals": ("decimals: 6", "decimals: 2"),
    "multiline": ("format: csv", "format: csv\n  multiline: true"),
    "the delimiter": ("format: csv", "format: csv\n  delimiter: ;"),
    "a name in the header": ("maximum: 120", "maximum: 120, name: Age"),
    "a unit": ("maximum: 120", "maximum: 120, unit: y"),
    "fractions of zeros": ("maximum: 120", "maximum: 120, decimal_zeros: true"),
    "capitals of names": ("format: csv", "format: csv\n  fold_names: true"),
    "the words for nothing": ("format: csv", "format: csv\n  null_values: [NA]"),
    "the measure": ("measure: charges", "measure: bmi"),
    "a grouping": ("group_by: [age]", "group_by: [children]"),
    "a filter": ("filters: [region, sex, smoker]", "filters: [region, sex, smoker, children]"),
}
OTHER_CHANGES = {
    "the share of bad rows": ("0.05", "0.5"),
    "the share of people who may go": ("0.05", "0.05, maximum_removed_share: 0.9"),
    "what twins do": ("0.05", "0.05, duplicates: refuse"),
    "a rule of one's own": ("0.05", "0.05, rules: { some: { rule: RowCount > 9 } }"),
    "the least cell": ("minimum_cell: 11", "minimum_cell: 5"),
    "the extremes": ("extremes: publish", "extremes: suppress"),
    "rows per person": ("disclosure: {", "unit: stay\ndisclosure: { rows_per_person: 2,"),
    "what a row is": ("disclosure: {", "unit: patient\ndisclosure: { rows_per_person: 1,"),
    "the top code": ("age: 90", "age: 85"),
    "a statistic": ("[patients, mean, ci95, median]", "[patients, mean, median]"),
    "the prefix": ("prefix: MedicalCharges", "prefix: Other"),
    "what is drawn": ("charges_by_bmi_category: pie", "charges_by_bmi_category: bars"),
}


@pytest.mark.parametrize("what", SHAPE_CHANGES)
def test_settings_that_change_partials_change_the_schema_hash_and_the_contract_hash(
    what: str, contract: Contract
) -> None:
    other = parse_contract(changed(*SHAPE_CHANGES[what]))
    assert other.schema_hash != contract.schema_hash
    assert other.contract_hash != contract.contract_hash


@pytest.mark.parametrize("what", OTHER_CHANGES)
def test_settings_that_are_applied_to_partials_change_the_contract_hash_only(
    what: str, contract: Contract
) -> None:
    other = parse_contract(changed(*OTHER_CHANGES[what]))
    assert other.schema_hash == contract.schema_hash
    assert other.contract_hash != contract.contract_hash


def test_an_analysis_may_be_renamed_without_reading_anything_again(contract: Contract) -> None:
    other = parse_contract(TEXT.replace("charges_by_age:", "by_age:"))
    assert other.schema_hash == contract.schema_hash
    assert other.contract_hash != contract.contract_hash


def test_a_plain_dialect_that_is_spelled_out_reads_nothing_again(contract: Contract) -> None:
    keys = ('delimiter: ","', "quote: '\"'", 'decimal: "."', "encoding: utf-8", "skip_lines: 0")
    other = parse_contract(changed("format: csv", "\n  ".join(["format: csv", *keys])))
    assert other.schema_hash == contract.schema_hash
    assert other.contract_hash == contract.contract_hash


def test_how_the_file_is_written_changes_neither_shape_nor_fingerprint(contract: Contract) -> None:
    raw = yaml.safe_load(TEXT)
    other = parse_contract(yaml.safe_dump(raw, sort_keys=False))
    assert (other.schema_hash, other.contract_hash) == (
        contract.schema_hash,
        contract.contract_hash,
    )


EARLIER = (
    TEXT.replace(TEXT.partition("  source:\n")[2].partition("  filters:")[0], "")
    .replace("  source:\n  filters:", "  filters:")
    .replace(", median]", "]")
)
EARLIER = re.sub("  southeast_southwest.*\n", "", EARLIER)
"""The real contract before it said where its data comes from, asked for medians, and compared two
regions."""


def test_contracts_of_earlier_versions_keep_their_hash(contract: Contract) -> None:
    """Or the next run would be of another contract than the live one, and read all rows again."""
    earlier = "3f2514e8efd80378e8f6b382ed683a41"
    assert parse_contract(EARLIER).contract_hash == earlier
    said = EARLIER.replace("minimum_cell: 11", "rows_per_person: 1, minimum_cell: 11")
    said = said.replace("0.05", "0.05, maximum_removed_share: 0.5")
    assert parse_contract(f"{said}\nunit: person\n").contract_hash == earlier
    assert contract.contract_hash != earlier
    sourced = parse_contract(TEXT.replace(", median]", "]"))
    assert sourced.schema_hash == parse_contract(EARLIER).schema_hash
