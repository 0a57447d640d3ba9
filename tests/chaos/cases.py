"""One fault in one run, what came of it, and whether all is as if it had not been."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import pytest

import glue_jobs.validate_outputs
from medical_charges.layout import Layout
from tests.chaos.account import Account, Answer, Call, account
from tests.chaos.faults import KINDS, Fault, Moment, place_of
from tests.chaos.machine import SUCCEEDED, Ended, Machine
from tests.functions import Held
from tests.helpers import CHARGES_FILE, WITHOUT_CUBES, page_data

LAYOUT = Layout("MedicalCharges")
LINES = CHARGES_FILE.read_bytes().splitlines(keepends=True)
REJECTED = b"19,nobody,27.9,0,yes,southwest,1\n"

NOT_REACHED, NO_HARM, HIDDEN = "not reached", "no harm", "hidden by a retry"
REPAIRED, LATE = "repaired", "repaired, half published until the letter came"
WRONG = "WRONG"

REPEATED, REDRIVEN, WAITED = (
    "upload repeated",
    "execution redriven",
    "repeated when the lease had expired",
)


def people(start: int, end: int, *more: bytes) -> bytes:
    """Rows of the real file, as a file."""
    return b"".join([LINES[0], *LINES[1 + start : 1 + end], *more])


@dataclass(frozen=True, eq=False)
class Story:
    """What happens in a run's time, but for the fault."""

    name: str
    before: tuple[Mapping[str, bytes], ...]
    """The uploads of the runs before it."""
    upload: Mapping[str, bytes]
    broken: str = ""
    """A function that fails when it has done its work; the repeated run has a mended one."""
    rollback: bool = False
    """True if the execution is to publish the first run again."""

    def asked(self) -> dict[str, str]:
        """The execution's input."""
        if not self.rollback:
            return {}
        return {"rollback": before(self)[1]}


FIRST = {"a.csv": people(0, 600)}
STORIES = (
    Story("an upload", (FIRST,), {"b.csv": people(600, 900, REJECTED)}),
    Story("the first upload", (), {"a.csv": people(0, 600, REJECTED)}),
    Story("an object is replaced", (FIRST,), {"a.csv": people(0, 700)}),
    Story("an upload of few people", (FIRST,), {"b.csv": people(600, 604)}),
    Story("an upload fails", (FIRST,), {"b.csv": people(600, 900)}, "GenerateManifests"),
    Story("the first upload fails", (), {"a.csv": people(0, 600)}, "GenerateManifests"),
    Story("a rollback", (FIRST, {"b.csv": people(600, 900)}), {}, rollback=True),
)


@cache
def before(story: Story) -> tuple[Held, str]:
    """What the account holds before the run, and the id of the first run."""
    with world() as found:
        machine = Machine(found)
        names = iter(("one", "earlier"))
        runs = []
        for files in story.before:
            _upload(found, files)
            ended = machine.execute(next(names))
            assert ended.state == "Published", ended
            runs.append(ended.run_id)
        return found.held(), next(iter(runs), "")


@cache
def undisturbed(story: Story) -> tuple[Held, tuple[tuple[str, int], ...]]:
    """What the account holds after the run without a fault, and the run's calls."""
    calls: Counter[str] = Counter()

    def between(call: Call, _: str, answer: Answer) -> object:
        calls[place_of(call)] += 1
        return answer()

    with world(before(story)[0]) as found:
        machine = Machine(found, broken=story.broken)
        _upload(found, story.upload)
        found.between = between
        ended = machine.execute("two", **story.asked())
        found.between, machine.broken = None, ""
        if story.broken:
            assert ended.state == story.broken, ended
            ended = machine.execute("repeat")
        assert ended.status == SUCCEEDED, ended
        return found.held(), tuple(calls.items())


@contextmanager
def world(held: Held | None = None, contract: str = WITHOUT_CUBES) -> Iterator[Account]:
    """An account where the validation does not need Spark."""
    with pytest.MonkeyPatch.context() as patch, account(held, contract) as found:
        patch.setattr(glue_jobs.validate_outputs, "FRAME_CHECKS", ())
        yield found


def _upload(found: Account, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        found.pipeline.upload(name, data)


@dataclass(frozen=True)
class Case:
    """A fault in a story, and what is done about it."""

    story: Story
    fault: Callable[[], Fault]
    repair: str


@dataclass
class Outcome:
    """What came of a case."""

    story: str
    place: str
    fault: str
    said: str
    repair: str
    verdict: str
    problems: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """The row of the table."""
        verdict = "; ".join([self.verdict, *self.problems])
        return self.story, self.place, self.fault, self.said, self.repair, verdict


def draw(seed: int, number: int) -> Case:
    """Draw a case: a story, a state, a call of it, a fault that fits it, and a repair."""
    chance = random.Random(f"{seed} {number}")
    story = chance.choice(STORIES)
    calls = undisturbed(story)[1]
    states = sorted({place.partition(":")[0] for place, _ in calls})
    state = chance.choice(states)
    place, times = chance.choice([it for it in calls if it[0].startswith(f"{state}:")])
    operation, _, what = place.partition(": ")[2].partition(" ")
    call = Call(state, f"{operation} {what.partition(' ')[0]}", what.partition(" ")[2])
    kind = chance.choice([kind for kind in KINDS if kind.fits(call)])
    lasts, nth = chance.choice(kind.lasts), chance.randrange(times)
    repair = chance.choice((REPEATED, REDRIVEN, WAITED))
    return Case(story, lambda: Fault(kind, lasts, place, nth), repair)


def tried(case: Case) -> Outcome:
    """Run a case, and look at what it left."""
    story, fault = case.story, case.fault()
    held, _ = before(story)
    expected, _ = undisturbed(story)
    with world(held) as found:
        machine = Machine(found, broken=story.broken)
        _upload(found, story.upload)
        others = (f"again-{i}" for i in range(10))

        def again() -> None:
            machine.broken = ""
            machine.execute(next(others))

        def moment(call: Call, answer: Answer) -> Moment:
            return Moment(machine, held, "two", again, call, answer)

        found.between = fault.between(moment, found)
        ended = machine.execute("two", **story.asked())
        fault.gone, machine.broken = True, ""
        halves = _halves(found, held, expected)
        letters = len(machine.letters)
        lease = found.ledger.lease()
        _repair(machine, story, case.repair, ended)
        problems = list(_problems(machine, story, expected))
    if halves and not letters:
        problems.append(f"after the execution's end {halves}")
    if lease is not None and not lease.abandoned and not letters:
        problems.append("the lease was left behind without a letter")
    verdict = _verdict(fault, machine, story, halves=halves, problems=problems)
    name = fault.kind.name if len(fault.kind.lasts) == 1 else f"{fault.kind.name}, {fault.lasts}"
    said = f"{ended.status.lower()} {ended.says or ended.state}"
    return Outcome(story.name, fault.place, name, said, case.repair, verdict, problems)


def _repair(machine: Machine, story: Story, repair: str, ended: Ended) -> None:
    if repair == WAITED:
        machine.account.moment += 100_000
    else:
        machine.deliver_letters()
    # What an event has left pending publishes the input, also after a rollback.
    machine.follow()
    if repair == REDRIVEN and ended.status != SUCCEEDED:
        machine.redrive(ended)
    _upload(machine.account, story.upload)
    machine.execute("repeat", **story.asked())
    machine.deliver_letters()
    machine.follow()


def _halves(found: Account, before: Held, after: Held) -> str:
    """Say what is published of two runs."""
    now = _published(found.held())
    if now in (_published(before), _published(after)):
        return ""
    return "what is published is of two runs"


def _published(held: Held) -> dict[str, bytes]:
    folders = (LAYOUT.output, LAYOUT.manifests)
    return {key: data for key, data in held.objects.items() if key.startswith(folders)}


def _problems(machine: Machine, story: Story, expected: Held) -> Iterator[str]:
    """Say what is not as it is without the fault."""
    held = machine.account.held()
    yield from _differences(held, expected)
    yield from _records(machine.account, held)
    if machine.account.ledger.lease() is not None:
        yield "the lease is held"
    if machine.running():
        yield f"{len(machine.running())} clusters are left"
    if machine.letters:
        yield f"{len(machine.letters)} letters are dead"
    if not story.rollback and (last := machine.execute("last")).state not in {"skip", "Held"}:
        yield f"another execution finds something to do: {last.state} {last.says}"


def _records(found: Account, held: Held) -> Iterator[str]:
    """Say where ledger, live.json and what is published differ, and which run was left."""
    live, record = found.ledger.live(), held.objects.get(LAYOUT.live)
    if live is None or record is None:
        yield "no run is live"
        return
    told = json.loads(record)
    if told["run_id"] != live.run_id:
        yield "live.json names another run than the ledger"
    data = {name: held.objects.get(LAYOUT.published(name), b"") for name in told["outputs"]}
    if told["outputs"] != {name: hashlib.sha256(it).hexdigest() for name, it in data.items()}:
        yield "live.json has other checksums than what is published"
    if (status := found.ledger.run(live.run_id)["status"]) != SUCCEEDED.lower():
        yield f"the live run is {status}"
    statuses = [it.get("status") for it in held.ledger if str(it["pk"]).startswith("run#")]
    for status in statuses:
        if status in {"planned", "publishing", "published"}:
            yield f"a run is left {status}"


def _differences(held: Held, expected: Held) -> Iterator[str]:
    now, wanted = _published(held), _published(expected)
    for key in sorted(now.keys() | wanted.keys()):
        if now.get(key) != wanted.get(key):
            yield f"{key} is not that of a run without the fault"
    folders = (
        f"{LAYOUT.prefix}/Quarantine_data",
        f"{LAYOUT.prefix}/Cube_data/partials",
        f"{LAYOUT.prefix}/Cube_data/states",
    )
    for key, data in expected.objects.items():
        if key.startswith(folders) and held.objects.get(key) != data:
            yield f"{key} is not that of a run without the fault"
    for key in held.objects:
        if key.startswith(folders[0]) and key not in expected.objects:
            yield f"{key} is too much"
    page = held.objects.get(LAYOUT.dashboard)
    if page is None or _tables(page) != _tables(expected.objects[LAYOUT.dashboard]):
        yield "the page does not show what is published"


def _tables(page: bytes) -> object:
    return json.loads(page_data(page.decode()))["tables"]


def _verdict(
    fault: Fault, machine: Machine, story: Story, *, halves: str, problems: list[str]
) -> str:
    if problems:
        return WRONG
    if not fault.struck:
        return NOT_REACHED
    failed = [one for one in machine.ended if one.status != SUCCEEDED and one.name != "repeat"]
    if halves:
        return LATE
    if failed or story.broken:
        return REPAIRED
    return HIDDEN if "answer" in fault.kind.name or fault.kind.name in _OF_AWS else NO_HARM


_OF_AWS = {"throttled", "internal error", "unreachable", "access denied", "body cut"}
