"""Comparison of the analysis with samples whose figures are known.

A golden folder holds `sample.csv` and a folder for each case: a contract, and the expected outputs
of the sample under it, computed by other means than this library. A case in another dialect has a
sample of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.storage import Store

SAMPLE = "sample.csv"

Analyze = Callable[[Store, Contract, str], object]
"""A function that stages the outputs of a store's input by a contract, under a run id."""


def check_golden(golden: Store, work: Store, analyze: Analyze) -> dict[str, list[str]]:
    """Analyze the sample in `work` by every case's contract; return the outputs by case.

    Raises:
        OutputsRefusedError: an output is not what it must be, or there is no case at all.
    """
    keys = {ref.key for ref in golden.list("")}
    contracts = sorted(key for key in keys if key.endswith("/contract.yaml"))
    if not contracts:
        raise OutputsRefusedError(f"there is no golden case under {golden.uri}")
    found, problems = {}, []
    for key in contracts:
        case = key.partition("/")[0]
        sample = f"{case}/{SAMPLE}" if f"{case}/{SAMPLE}" in keys else SAMPLE
        problems += list(_differences(case, golden, sample, work, analyze))
        of_case = (key for key in keys - {sample} if key.startswith(f"{case}/"))
        found[case] = sorted(key for key in of_case if key.endswith(".csv"))
    if problems:
        raise OutputsRefusedError("\n".join(problems[:10]))
    return found


def _differences(
    case: str, golden: Store, sample: str, work: Store, analyze: Analyze
) -> Iterator[str]:
    contract = parse_contract(golden.read(f"{case}/contract.yaml").decode(), origin=case)
    layout = Layout(contract.prefix)
    work.write(f"{layout.input}/{SAMPLE}", golden.read(sample))
    analyze(work, contract, case)
    for name in contract.outputs:
        expected = _lines(golden.read(f"{case}/{name}.csv"))
        actual = _lines(work.read(layout.staged(case, name)))
        if len(actual) != len(expected):
            yield f"{case}/{name}: {len(actual)} lines instead of {len(expected)}"
        for number, (line, wanted) in enumerate(zip(actual, expected, strict=False), 1):
            if line != wanted:
                yield f"{case}/{name}, line {number}: found {line!r} instead of {wanted!r}"
                break


def _lines(data: bytes) -> list[str]:
    return data.decode().removesuffix("\n").split("\n")
