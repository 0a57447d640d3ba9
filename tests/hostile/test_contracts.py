"""Hostile YAML is no contract, and what is said of it is a short sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from medical_charges.contract import parse_contract
from medical_charges.contract.rules import ARTIFACTS
from medical_charges.errors import ContractError
from tests.hostile.test_values import CONTRACT

LAUGHS = "\n".join(
    f"{name}: &{name} [{', '.join(['x' if not n else '*' + 'abcdefghi'[n - 1]] * 9)}]"
    for n, name in enumerate("abcdefghi")
)
UNKNOWN = "found an unknown key"
CASES = {
    "a bomb of aliases": (LAUGHS, UNKNOWN),
    "a bomb where a list of texts is expected": (
        f"{LAUGHS}{CONTRACT.replace('type: string', 'type: string, allowed: *i')}",
        r"source.columns.label.allowed\[0\]: found a list; allowed: a valid string",
    ),
    "a list of itself": ("&a [*a]", "found a list"),
    "a mapping of itself": ("&a {dataset: *a}", "dataset: found a mapping"),
    "code by a tag": ("!!python/object/apply:os.system ['touch {pwned}']", "python/object/apply"),
    "code by a long tag": (
        "dataset: !<tag:yaml.org,2002:python/name:os.system> x",
        "could not determine a constructor",
    ),
    "a tag of its own": ("dataset: !evil x", "constructor for the tag '!evil'"),
    "a truth that is none": ("dataset: !!bool nope", "not a YAML file: 'nope'"),
    "a number that is none": ("dataset: !!int nope", "not a YAML file: invalid literal"),
    "a time that is none": ("dataset: !!timestamp nope", "not a YAML file: failed to construct"),
    "a date that is none": ("dataset: 2020-13-45", "not a YAML file: month must be in 1..12"),
    "bytes": ("dataset: !!binary aGk=", "found b'hi'; allowed: a valid string"),
    "a set": ("dataset: !!set {a, b}", "dataset: found {"),
    "a key twice": ("dataset: a\ndataset: b", "found duplicate key"),
    "a number as a key": ("1: a", f"1: {UNKNOWN}"),
    "nothing as a key": ("~: a", f"None: {UNKNOWN}"),
    "a list as a key": ("? [a, b]\n: c", UNKNOWN),
    "a mapping as a key": ("? {a: b}\n: c", "found unhashable key"),
    "a key of 50,000 characters": (f"? {'k' * 50_000}\n: c", rf"k\.\.\.: {UNKNOWN}"),
    "5,000 keys": ("\n".join(f"k{n}: 1" for n in range(5_000)), "and 4,955 more mistakes"),
    # How deep is too deep is the interpreter's limit, which some packages raise.
    "lists in lists without end": ("[" * 1000 + "]" * 1000, "nested too deep|found a list; allow"),
    "mappings in mappings without end": ("{a: " * 500, "nested too deep|not a YAML file"),
    "a zero byte": ("a: \0", "unacceptable character #x0000"),
    "two documents": ("a: 1\n---\nb: 2", "found another document"),
    "a number of 10,000 digits": ("dataset: " + "9" * 10_000, "not a YAML file: Exceeds the limit"),
    "an alias of nothing": ("dataset: *x", "found undefined alias"),
    "a merge of nothing": ("<<: 3", "expected a mapping"),
    "nothing": ("", "found None"),
    "a template": ("dataset: '{{7*7}}'", "dataset: found '{{7\\*7}}'; allowed: text that matches"),
    "SQL": ('dataset: "x; DROP TABLE y"', "dataset: found 'x; DROP TABLE y'; allowed: text"),
    "a path": ("prefix: ../../x", r"prefix: found '\.\./\.\./x'; allowed: text that matches"),
    "the folder of the code": (
        CONTRACT.replace("prefix: Free", f"prefix: {ARTIFACTS}"),
        f"prefix: found '{ARTIFACTS}'; allowed: a name other than that of the code's folder",
    ),
    "a prefix of 900 characters": (
        CONTRACT.replace("prefix: Free", f"prefix: {'F' * 900}"),
        "prefix: found 'F+.*; allowed: text that matches",
    ),
    "a title of 50,000 characters": (
        CONTRACT + f"dashboard: {{ title: {'t' * 50_000} }}",
        "dashboard.title: found 't+.*; allowed: 128 characters at most",
    ),
    "an analysis named by script": (
        CONTRACT.replace("by_label", '"<script>"'),
        "analyses.<script>: found '<script>'; allowed: text that matches",
    ),
    "20,000 values, one of them twice": (
        CONTRACT.replace(
            "type: string",
            f"type: string, allowed: [{', '.join(f'v{n}' for n in range(20_000))}, v7]",
        ),
        "source.columns.label.allowed: found 'v7' twice; allowed: each value once",
    ),
}
"""Texts with what is said of them."""


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_contract_is_refused_with_a_short_sentence(case: str, tmp_path: Path) -> None:
    text, sentence = CASES[case]
    pwned = tmp_path / "pwned"
    with pytest.raises(ContractError, match=sentence) as refused:
        parse_contract(text.replace("{pwned}", str(pwned)))
    assert not pwned.exists()
    assert len(str(refused.value)) < 20_000
