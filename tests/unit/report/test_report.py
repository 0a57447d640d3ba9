"""The report of a run: right by its schema, complete, and silent about rows."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import jsonschema
import pytest

from medical_charges.analysis.run import write_error
from medical_charges.checks import Check
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.report import Report, write_report
from medical_charges.report.schema import schema_text
from medical_charges.runs.differencing import write_hold
from medical_charges.storage import LocalStore
from medical_charges.validation import validate_outputs
from tests.helpers import ROOT, run, upload
from tests.unit.validation.helpers import GOOD_ROW, RULES, csv_lines, validated, without_spark

CONTRACT = parse_contract(RULES)
STRICT = parse_contract(RULES.replace("maximum_rejected_share: 1.0", "maximum_rejected_share: 0.1"))
FOLDER = Layout(CONTRACT.prefix).run("run")
SECRET = b"a,unheard-of,1,77,0.5,,12345.67"
"""A row with an offending field, and a measure that nothing may repeat."""


def report_of(store: LocalStore) -> Report:
    """The report, once it was found right by its schema and as a page."""
    written = write_report(store, FOLDER)
    value = json.loads(store.read(f"{FOLDER}/report.json"))
    jsonschema.validate(value, json.loads(schema_text()))
    assert Report(**value) == written
    return written


def fail(store: LocalStore, contract: Contract) -> None:
    """Store an error as the analysis job does."""
    with pytest.raises(MedicalChargesError) as caught:
        run(store, contract)
    write_error(store, contract, "run", caught.value)


def test_the_schema_in_the_repository_is_that_of_the_types() -> None:
    assert (ROOT / "src/medical_charges/report/report.schema.json").read_text() == schema_text()


def test_the_report_of_a_run_that_passed_has_all_its_checks(store: LocalStore) -> None:
    files = {"x.csv": csv_lines(*[GOOD_ROW] * 3, SECRET)}
    summary, result = validated(store, CONTRACT, files)
    result.write(store, CONTRACT)
    report = report_of(store)
    assert (report.outcome, report.failure) == ("passed", None)
    assert report.read is not None
    assert report.read.model_dump() == {
        "objects": 1,
        "objects_read": 1,
        "rows": 4,
        "counted": 3,
        "rejected": 1,
    }
    assert report.rejected.rules == {"few.maximum": 1}
    assert [check.name for check in report.checks] == [check.name for check in result.checks]
    assert report.contract == CONTRACT.contract_hash
    assert {"kernel", "polars", "python"} <= report.versions.keys()
    assert report.files == summary.staged
    assert report.seconds.keys() == {"analysis", "validation"}


def test_a_run_that_a_check_stopped_names_the_check(store: LocalStore) -> None:
    upload(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    run(store, CONTRACT)
    key = Layout(CONTRACT.prefix).staged("run", "cost_by_kind")
    store.write(key, store.read(key).replace(b"10.5", b"10.6"))
    result = validate_outputs(without_spark, store, CONTRACT, "run")
    result.write(store, CONTRACT)
    report = report_of(store)
    assert report.outcome == "refused"
    stopped = {check.name for check in report.checks if check.outcome == "fail"}
    assert stopped == {"freshness: made by this run", "cost_by_kind: figures"}
    page = store.read(f"{FOLDER}/report.html").decode()
    assert page.index("cost_by_kind: figures") < page.index("cost_by_kind: header")


@pytest.mark.parametrize(("warnings", "words"), [(1, "1 check warns"), (2, "2 checks warn")])
def test_a_run_that_passed_with_warnings_does_not_say_that_all_checks_passed(
    store: LocalStore, warnings: int, words: str
) -> None:
    _, result = validated(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    for number in range(warnings):
        result.checks.append(
            Check(f"input: rule {number}", "plausibility", "warn", "few", "fail", "many")
        )
    result.write(store, CONTRACT)
    assert report_of(store).outcome == "passed"
    page = store.read(f"{FOLDER}/report.html").decode()
    assert f"{words}: see what was checked." in page
    assert "No check stopped it: its outputs may be published." in page
    assert "All checks passed" not in page


def test_the_report_of_a_run_without_warnings_has_none(store: LocalStore) -> None:
    _, result = validated(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    result.write(store, CONTRACT)
    report_of(store)
    assert "see what was checked" not in store.read(f"{FOLDER}/report.html").decode()


def test_the_report_of_rejected_rows_has_their_rules_and_numbers(store: LocalStore) -> None:
    rows = csv_lines(*[GOOD_ROW] * 3, SECRET, SECRET, b"bad")
    upload(store, STRICT, {"x.csv": rows, "y.csv": csv_lines(GOOD_ROW)})
    fail(store, STRICT)
    report = report_of(store)
    assert report.outcome == "failed"
    assert report.failure is not None
    assert report.failure.state == "Analyze"
    assert "3 of 6 rows break a rule (few.maximum 2; fields 1): 50.0%" in report.failure.reason
    assert report.rejected.rules == {"few.maximum": 2, "fields": 1}
    (found,) = report.rejected.objects
    assert found.object.endswith("x.csv")
    assert (found.rows, found.rejected, found.rules) == (6, 3, {"few.maximum": 2, "fields": 1})


def test_no_report_repeats_a_field_or_a_measure(store: LocalStore) -> None:
    upload(store, STRICT, {"x.csv": csv_lines(GOOD_ROW, SECRET, SECRET)})
    fail(store, STRICT)
    assert "77" in str(json.loads(store.read(f"{FOLDER}/error.json"))["examples"])
    report_of(store)
    for name in ("report.json", "report.html"):
        text = store.read(f"{FOLDER}/{name}").decode()
        assert "77" not in text.replace(STRICT.contract_hash, "")
        assert "12345" not in text
        assert "unheard-of" not in text


def test_the_report_of_a_run_that_failed_later_keeps_earlier_findings(store: LocalStore) -> None:
    _, result = validated(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    result.write(store, CONTRACT)
    left = {"state": "PublishOutputs", "reason": "another run has the lease"}
    store.write(f"{FOLDER}/failure.json", json.dumps(left).encode())
    report = report_of(store)
    assert report.outcome == "failed"
    assert report.failure is not None
    assert report.failure.model_dump() == left
    assert report.checks


def test_a_run_that_left_nothing_has_a_report_too(store: LocalStore) -> None:
    report = report_of(store)
    assert (report.outcome, report.read, report.checks) == ("failed", None, [])


def test_a_held_run_says_why_and_that_nothing_of_it_is_published(store: LocalStore) -> None:
    upload(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    run(store, CONTRACT)
    write_hold(store, CONTRACT, "run", "fewer than <11> people", published=False)
    report = report_of(store)
    assert (report.outcome, report.held) == ("held", "fewer than <11> people")
    page = store.read(f"{FOLDER}/report.html").decode()
    assert "It is held: nothing of it is published." in page
    assert ">fewer than &lt;11&gt; people</p>" in page


def test_a_held_run_that_failed_afterwards_has_failed(store: LocalStore) -> None:
    write_hold(store, CONTRACT, "run", "fewer than 11 people", published=False)
    left = {"state": "NotifyHeld", "reason": "no topic"}
    store.write(f"{FOLDER}/failure.json", json.dumps(left).encode())
    report = report_of(store)
    assert (report.outcome, report.held) == ("failed", None)


def test_a_run_that_was_published_though_it_would_be_held_says_so(store: LocalStore) -> None:
    _, result = validated(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    result.write(store, CONTRACT)
    write_hold(store, CONTRACT, "run", "", published=True)
    assert report_of(store).warnings == []
    write_hold(store, CONTRACT, "run", "few changed", published=True)
    report = report_of(store)
    assert (report.outcome, report.held) == ("passed", None)
    assert report.warnings == ["published because its execution was asked to, although few changed"]


class Page(HTMLParser):
    """A parser that collects a page's references and checks that its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.folded: list[str] = []
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = "details" in self.open and "summary" not in self.open
        (self.folded if inside else self.shown).append(data)


def page_of(store: LocalStore) -> Page:
    """The page of the report, read."""
    page = Page()
    page.feed(store.read(f"{FOLDER}/report.html").decode())
    return page


def test_what_failed_and_warned_is_on_top_and_what_passed_is_folded(store: LocalStore) -> None:
    _, result = validated(store, CONTRACT, {"x.csv": csv_lines(*[GOOD_ROW] * 3, SECRET)})
    passed = {it.name for it in result.checks if it.outcome == "pass"}
    idle = {it.name for it in result.checks if it.outcome == "not applicable"}
    result.checks.append(Check("rule w", "plausibility", "warn", "few", "fail", "many"))
    result.checks.append(Check("rule f", "conformance", "fail", "none", "fail", "one"))
    result.write(store, CONTRACT)
    report_of(store)
    page = page_of(store)
    assert page.shown.index("rule f") < page.shown.index("rule w")
    assert passed | idle <= set(page.folded)
    assert not (passed | idle) & set(page.shown)
    tiles = " ".join("".join(page.shown).partition("What was checked")[0].split())
    assert "Rows read4" in tiles
    assert "Rows counted3in 1 object, 1 new" in tiles
    assert "Rows rejected1" in tiles
    assert f"Checks passed{len(passed)}of {len(passed) + len(idle) + 2}" in tiles
    assert "Checks to look at21 failed, 1 with a warning" in tiles
    assert "Refused" in tiles


def test_the_report_leads_to_files_next_to_it(store: LocalStore) -> None:
    _, result = validated(store, CONTRACT, {"x.csv": csv_lines(GOOD_ROW)})
    result.write(store, CONTRACT)
    report_of(store)
    keys = {ref.key for ref in store.list(FOLDER)}
    links = page_of(store).links
    assert len(links) == len(CONTRACT.outputs) + 1
    assert {f"{FOLDER}/{link}" for link in links} <= keys


def test_the_page_is_self_contained_and_escapes_its_texts(store: LocalStore) -> None:
    validated(store, CONTRACT, {"<b>&.csv": csv_lines(GOOD_ROW), "x.csv": csv_lines(GOOD_ROW)})
    report_of(store)
    text = store.read(f"{FOLDER}/report.html").decode()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert not page.tags & {"script", "link", "img", "iframe", "b"}
    assert not page.attributes & {"src", "onclick"}
    assert not [link for link in page.links if ":" in link or link.startswith("/")]
    assert "http" not in text
    assert "&lt;b&gt;&amp;.csv" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_hostile_words_are_text_wherever_the_page_shows_them(store: LocalStore) -> None:
    hostile = '</td><script>alert("x")</script>'
    _, result = validated(store, CONTRACT, {f"{hostile[5:]}.csv": csv_lines(GOOD_ROW)})
    result.checks.append(Check(hostile, "plausibility", "warn", hostile, "fail", f"{hostile}\nb"))
    result.write(store, CONTRACT)
    left = {"state": hostile, "reason": f"{hostile}\n{hostile}"}
    store.write(f"{FOLDER}/failure.json", json.dumps(left).encode())
    report_of(store)
    text = store.read(f"{FOLDER}/report.html").decode()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert "script" not in page.tags
    assert text.count("&lt;script&gt;") >= 6
