"""Sequences of publications of generated people, and what an attacker who has them all can tell."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from medical_charges.contract import Contract
from medical_charges.outputs.tables import Shown, make_tables
from tests.attack.cases import Person, case, cube_of
from tests.attack.knowledge import Fact, Group, Known, Publication, Range, known_from
from tests.attack.solver import TOTAL, Attack, Kind

KINDS: tuple[Kind, ...] = ("added", "removed", "corrected", "moved", "mixed")

LEAST = 6
"""How many whole numbers a count that is hidden must be left."""

NEAR = 0.05
"""How closely nobody's measure may be told."""

LOOKED_AT = 8
"""In how many groups of a step the few people are looked for who changed there."""


@dataclass
class Story:
    """Publications of the same data set."""

    contract: Contract
    kind: Kind
    people: list[list[Person]] = field(default_factory=list)
    replaced: list[Publication] = field(default_factory=list)
    """The outputs that each publication replaced."""

    def publish(self, people: list[Person], *, alone: bool = False) -> None:
        """Publish people, after what is published already or as if nothing were."""
        cube, earlier = cube_of(people, self.contract), defaultdict[str, list[Shown]](list)
        for old, outputs in zip(self.people, self.replaced, strict=True):
            shown = cube_of(old, self.contract)
            for name, data in outputs.items():
                earlier[name].append(Shown(shown, data))
        tables = make_tables(cube, self.contract, {} if alone else earlier)
        found = {it.name: it.to_csv() for it in tables if not it.waits and not it.withheld}
        if found:
            self.people.append(people)
            self.replaced.append(found)


def story(seed: int, length: int, *, alone: bool = False) -> Story:
    """A sequence of publications between which 12 to 60 people of one group change."""
    contract, people = case(seed)
    random_ = random.Random(seed)
    found = Story(contract, random_.choice(KINDS))
    found.publish(people)
    before = people
    for _ in range(length - 1):
        kind: str = found.kind
        if kind == "mixed":
            # Also back to those before, but for one.
            kind = random_.choice(["added", "removed", "back"])
        before, people = people, before[1:] if kind == "back" else changed(random_, people, kind)
        found.publish(people, alone=alone)
    return found


def changed(random_: random.Random, people: list[Person], kind: str) -> list[Person]:
    """The people after some of one group came, went, were corrected or moved."""
    columns = sorted(people[0].keys() - {"k", "m"})
    column = random_.choice(columns)
    value = random_.choice(sorted({str(person[column]) for person in people}))
    inside = [i for i, person in enumerate(people) if person[column] == value]
    some = set(random_.sample(inside, min(len(inside), random_.randint(12, 60))))
    if kind == "added":
        return [*people, *(_altered(random_, people[i], "m") for i in sorted(some))]
    if kind == "removed":
        left = [person for i, person in enumerate(people) if i not in some]
        return left or people
    what = "m" if kind == "corrected" else column
    return [_altered(random_, it, what) if i in some else it for i, it in enumerate(people)]


def _altered(random_: random.Random, person: Person, what: str) -> Person:
    if what == "m":
        return person | {"m": max(500, int(int(person["m"]) * random_.uniform(0.5, 1.5)))}
    return person | {what: f"v{random_.randint(0, 2)}"}


@dataclass(frozen=True)
class Told:
    """What an attacker tells from a sequence."""

    hidden: int
    """Counts that are hidden."""
    confined: int
    """Those that are left fewer than LEAST values."""
    changes: int
    """Groups in which too few people changed, of those looked at."""
    small: int
    """Those of which the attacker knows that some, and too few, changed."""
    persons: int
    """Those whose measure is told to within NEAR."""


def attacked(story: Story) -> Told:
    """Attack a sequence with everything."""
    contract = story.contract
    known = _with_empty([known_from(outputs, contract) for outputs in story.replaced])
    names = frozenset(name for one in known for fact in one.facts for name, _ in fact.group)
    attack = Attack(contract, known, names, story.kind)
    hidden = [(number, it) for number in range(len(known)) for it in attack.hidden(number)]
    confined = sum(attack.confines(number, group, LEAST) for number, group in hidden)
    looked_at = [it for number in range(1, len(known)) for it in _few(story, attack, number)]
    small = persons = 0
    for block, group in looked_at:
        count = attack.of_block(block, group)
        if count.low > 0.5 and count.high < contract.disclosure.minimum_rows - 0.5:
            small += 1
            total = attack.of_block(block, group, TOTAL)
            persons += total.high - total.low < NEAR * abs(total.high)
    return Told(len(hidden), confined, len(looked_at), small, persons)


def _few(story: Story, attack: Attack, number: int) -> Iterator[tuple[int, Group]]:
    """Groups of outputs in which some people came or went, and too few."""
    blocks = [block for block in (2 * number - 1, 2 * number) if block in attack.blocks]
    groups = dict.fromkeys(fact.group for fact in attack.facts[number])
    changes = [(block, it) for block, it in product(blocks, groups) if _is_few(story, number, it)]
    yield from changes[:: max(1, len(changes) // LOOKED_AT)][:LOOKED_AT]


def _is_few(story: Story, number: int, group: Group) -> bool:
    contract = story.contract
    if any(name in contract.bands for name, _ in group):
        return False
    before, after = (
        sorted(int(p["m"]) for p in people if all(str(p[n]) == v for n, v in group))
        for people in story.people[number - 1 : number + 1]
    )
    left = list(after)
    for value in before:
        if value in left:
            left.remove(value)
    return 0 < len(left) + len(before) - len(after) + len(left) < contract.disclosure.minimum_rows


def _with_empty(known: Sequence[Known]) -> list[Known]:
    """Add what an output says by not listing a group that it lists in another publication."""
    found = []
    for one in known:
        facts = list(one.facts)
        for level, groups in one.listed.items():
            everywhere = set().union(*(other.listed.get(level, set()) for other in known))
            for key in sorted(everywhere - groups):
                nobody = Range(0, 0)
                group = frozenset(zip(level, key, strict=True))
                facts.append(Fact(group, nobody, nobody, nobody))
        found.append(Known(facts, one.listed))
    return found
