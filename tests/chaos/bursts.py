"""Uploads in a burst: duplicates, replacements and deletions while runs are on their way."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.account import Account, Answer, Call
from tests.chaos.cases import LAYOUT, Outcome, people, world
from tests.chaos.machine import SUCCEEDED, Machine
from tests.functions import Held
from tests.helpers import WITHOUT_CUBES

OPEN = WITHOUT_CUBES.replace("minimum_cell: 11", "minimum_cell: 1")
"""A contract that suppresses nothing, so that the outputs do not depend on earlier ones."""

ACTIONS, GAP = 12, 90
"""How often the input changes, and after how many calls on the average."""

FILES = tuple(people(100 * i, 100 * i + 100) for i in range(10))


@dataclass
class Burst:
    """Changes of the input, each of which comes upon some call of a run."""

    machine: Machine
    chance: random.Random
    left: int
    gap: int = 0
    events: int = 0
    late: int = 0
    live: list[str] = field(default_factory=list)
    """The runs that were live, in their order."""
    _within: bool = False

    @property
    def account(self) -> Account:
        return self.machine.account

    def between(self, call: Call, _: str, answer: Answer) -> object:
        """Answer a call, now and then after a change of the input."""
        self.gap -= 1
        if self.left and self.gap <= 0 and not self._within:
            self._within = True
            self.account.meanwhile(self._change, goes_on=True)
            self._within = False
        found = answer()
        if call.operation == "dynamodb TransactWriteItems" and call.what == "served":
            self.live.append(self._live_run())
        return found

    def run(self) -> None:
        """See the burst to its end, and all executions."""
        self.account.between = self.between
        while self.left:
            self._change()
            self.machine.follow()
        for _ in range(self.late):
            self._event()
        self.machine.follow()
        self.account.between = None

    def _live_run(self) -> str:
        live = self.account.ledger.live()
        return live.run_id if live else ""

    def _change(self) -> None:
        self.left -= 1
        self.gap = self.chance.randrange(2 * GAP)
        store = self.account.pipeline.store
        keys = [ref.key for ref in store.list(LAYOUT.input)]
        what = self.chance.choice(("new", "new", "again", "other", "gone")) if keys else "new"
        if what == "new":
            name = f"{LAYOUT.input}/{self.chance.randrange(20)}.csv"
            store.write(name, self.chance.choice(FILES))
        elif what == "gone" and len(keys) > 1:
            store.delete(self.chance.choice(keys))
        else:
            key = self.chance.choice(keys)
            store.write(key, store.read(key) if what == "again" else self.chance.choice(FILES))
        # An event may come late, after others, or twice.
        times = self.chance.choice((0, 1, 1, 1, 2))
        self.late += not times
        for _ in range(times):
            self._event()

    def _event(self) -> None:
        self.events += 1
        self.machine.execute(f"event-{self.events}")


def burst(seed: int, number: int) -> Outcome:
    """Run a burst, and compare what it left with a run from scratch."""
    with world(contract=OPEN) as found:
        one = Burst(Machine(found), random.Random(f"burst {seed} {number}"), ACTIONS)
        one.run()
        held, left = found.held(), list(_left(one))
    problems = left + list(_differences(held))
    runs, clusters = len(one.live), one.machine.clusters
    failed = [ended for ended in one.machine.ended if ended.status != SUCCEEDED]
    return Outcome(
        story=f"a burst of {ACTIONS} changes",
        place=f"{one.events} events",
        fault="duplicates, replacements, deletions, late events",
        said=f"{clusters} clusters, {runs} runs live, {len(failed)} failed",
        repair="none",
        verdict="WRONG" if problems else "as from scratch",
        problems=problems,
    )


def _differences(held: Held) -> Iterator[str]:
    """Say what is not as it is after one run of the input as it is in the end."""
    files = {key: data for key, data in held.objects.items() if key.startswith(LAYOUT.input)}
    with world(Held(files, ()), contract=OPEN) as found:
        Machine(found).execute("one")
        expected = found.held()
    readers = LAYOUT.output, LAYOUT.manifests
    for key, data in expected.objects.items():
        if key.startswith(readers) and held.objects.get(key) != data:
            yield f"{key} is not that of a run from scratch"
    live = json.loads(held.objects[LAYOUT.live])["run_id"]
    summary = json.loads(held.objects[LAYOUT.summary(live)])
    if summary["counted"] != sum(data.count(b"\n") - 1 for data in files.values()):
        yield f"{summary['counted']} rows are counted"


def _left(one: Burst) -> Iterator[str]:
    """Say what a burst has left behind, and what it did in the wrong order or too often."""
    if one.account.ledger.lease() is not None or one.machine.running() or one.machine.letters:
        yield "a lease, a cluster or a dead letter is left"
    if one.live != sorted(one.live):
        yield f"an older run was published over a newer one: {one.live}"
    if one.machine.clusters > ACTIONS + 1:
        yield f"{one.machine.clusters} clusters"
    for ended in one.machine.ended:
        if ended.status != SUCCEEDED and "after it was listed" not in ended.says:
            yield f"{ended.status} {ended.says}"
