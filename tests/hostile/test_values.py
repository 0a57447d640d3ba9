"""Values of a column that is grouped by: published as they are, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

import medical_charges as mc
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import ContractError, InputRefusedError

CONTRACT = """
dataset: free
prefix: Free
source:
  format: csv
  columns: { label: { type: string }, cost: { type: double } }
measure: cost
analyses: { by_label: { group_by: [label], statistics: [patients, mean] } }
"""

FORMULA = r"the start of a formula \(`=`, `@` or a sign\), which a spreadsheet would run"
QUOTED = "a comma, a quote or a control character, which a CSV could hold only in quotes"

REFUSED = {
    "=cmd|' /C calc'!A0": FORMULA,
    "=1+1": FORMULA,
    '=HYPERLINK("http://x.example")': QUOTED,
    "=HYPERLINK(A1)": FORMULA,
    "@SUM(1+1)": FORMULA,
    "+1+1": FORMULA,
    "-2+3": FORMULA,
    "-2+3+cmd|' /C calc'!A0": FORMULA,
    "+A1": FORMULA,
    "-A1": FORMULA,
    "- A1": FORMULA,
    " =1+1": FORMULA,
    "\u00a0=1+1": FORMULA,
    "\uff1d1+1": FORMULA,
    "\uff0b1+1": FORMULA,
    "\uff20SUM(1)": FORMULA,
    "x;=1+1": FORMULA,
    "x; =1+1": FORMULA,
    "x;y;@SUM(1)": FORMULA,
    ";-A1": FORMULA,
    "-5;+1+1": FORMULA,
    "x;\uff1d1+1": FORMULA,
    "--1": FORMULA,
    "-5 -1": FORMULA,
    "-5 to 0+1": FORMULA,
    "-5 to A1": FORMULA,
    "-5 SUM(1)": FORMULA,
    "-5to 0": FORMULA,
    "\t=1+1": QUOTED,
    "x\r=1+1": QUOTED,
    "\x1b[2J": QUOTED,
    "\x7f": QUOTED,
    '"><img src=x onerror=alert(1)>': QUOTED,
}
"""Values with what is said of them."""

PUBLISHED = (
    "-",
    "+",
    "-5",
    "+5.25 %",
    "- unknown",
    "--",
    "-5 to 0",
    "-10.5 % to -5 %",
    "-40 degrees Celsius",
    "x;y",
    "x;-5;- unknown",
    "x;y=1",
    "+ve",
    "a=1",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}",
    "${7*7}",
    "{% $eval('1') %}",
    "#{7*7}",
    "%s%n%x",
    "'; DROP TABLE charges; --",
    "1' OR '1'='1",
    "../../etc/passwd",
    "$(touch pwned)",
    "`touch pwned`",
    "[bold red]markup[/]",
    "\u202eesrever",
    "\u2028line",
    "\ufeffmark",
    "\U0001f9ea" * 20,
    "x" * 5000,
    "null",
    "NaN",
    "__proto__",
)
"""Values that nothing runs: no program takes them for anything but text."""


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(CONTRACT)


def analyze(folder: Path, contract: Contract, *labels: str) -> dict[str, int]:
    """The groups of a file of twenty rows for each label, with their numbers of rows."""
    fields = ('"{}"'.format(label.replace('"', '""')) for label in labels)
    rows = "".join(f"{field},{n}\n" * 20 for n, field in enumerate(fields))
    (folder / "a.csv").write_bytes(f"label,cost\n{rows}".encode())
    found = mc.analyze(folder / "a.csv", contract)
    return dict(found.outputs["by_label"].select("label", "patients").iter_rows())


@pytest.mark.parametrize("label", REFUSED)
def test_a_value_that_a_spreadsheet_would_run_or_a_csv_would_quote_is_refused(
    label: str, tmp_path: Path, contract: Contract
) -> None:
    sentence = rf"a\.csv: the column 'label' holds a value with {REFUSED[label]}"
    with pytest.raises(InputRefusedError, match=sentence) as refused:
        analyze(tmp_path, contract, "fine", label)
    assert label not in str(refused.value), "a value of a row"


def test_other_values_are_published_as_they_are(tmp_path: Path, contract: Contract) -> None:
    assert analyze(tmp_path, contract, *PUBLISHED) == dict.fromkeys(PUBLISHED, 20)


@pytest.mark.parametrize(
    "text",
    [
        CONTRACT.replace("type: string", "type: string, allowed: [fine, =1+1]"),
        CONTRACT.replace("cost", '"=cost"'),
        CONTRACT.replace("{ label:", '{ "@label":').replace("[label]", '["@label"]'),
    ],
)
def test_a_contract_may_have_no_such_value_and_no_column_of_such_a_name(text: str) -> None:
    with pytest.raises(ContractError, match="allowed: text that no spreadsheet computes"):
        parse_contract(text)
