"""Detection of person data by values.

A column's name may say nothing (`field_7`), so values are scanned too: a few hundred, at the start
of each new object. The result is a kind, never a value. A large part of a column must match,
because refusing clean data would teach people to switch the scan off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ENOUGH = 20
"""Minimum number of values for a decision, except where one value is sufficient."""

_LETTERS = r"[^\W\d_]"
_MAIL = re.compile(r"[^\s@,;]+@[^\s@,;]+\.[A-Za-z]{2,}")
_PHONE = re.compile(
    r"(?:\+|00|\()\d[\d ()./-]{5,}\d|\d{2,5}[ /.-]\d{2,4}[ /.-]\d{2,5}(?:[ -]\d{2,4})?"
)
_SOCIAL = re.compile(r"\d{3}-\d{2}-\d{4}")
_NUMBER = re.compile(r"[A-Za-z]{0,4}[ -]?\d(?:[ -]?\d){6,18}[A-Za-z]?")
_RANDOM = re.compile(r"(?=.*\d)[0-9A-Fa-f]{4,}(?:-?[0-9A-Fa-f]{4,}){3,}")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?:{_YEAR}([-/.]){_MONTH}\1{_DAY}"
    rf"|{_DAY}([-/.]){_MONTH}\2{_YEAR}"
    rf"|{_MONTH}/{_DAY}/{_YEAR}"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    rf"|{_DAY}[ -](?:{_MONTHS})[a-z]*[ -]{_YEAR})(?:[T ]\d\d?:\d\d.*)?",
    re.IGNORECASE,
)
_DAY_OF_ANY_YEAR = re.compile(
    r"(?:\d{4}([-/. ])(?:0?\d|1[0-2])\1(?:[0-2]?\d|3[01])"
    r"|(?:[0-2]?\d|3[01])([-/. ])(?:[0-2]?\d|3[01])\2(?:\d{4}|\d\d)"
    r"|\d{4}(?:0\d|1[0-2])(?:[0-2]\d|3[01]))"
    r"(?:[T ](?:[01]?\d|2[0-3])(?:[:.h-]?[0-5]\d){0,2}(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
"""A date, with or without a time, which resembles a phone number or a person's number."""
_STREET = re.compile(
    r"\d+\w? (?:\S+ ){0,3}(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct"
    r"|place|pl|way|terrace|square|highway|hwy)\b\.?.*"
    r"|(?:\S+ )*\S*(?:stra(?:ß|ss)e|str\.|weg|gasse|allee|platz) \d+.*"
    r"|\d+,? (?:rue|avenue|boulevard|chemin) .+|(?:via|calle|rua|plaza) .+ \d+.*"
    r"|p\.? ?o\.? box \d+",
    re.IGNORECASE,
)
_PERSON = re.compile(
    rf"(?:(?:Mr|Mrs|Ms|Dr)\.? )?{_LETTERS}[\w'\u2019-]*\.?(?:,? {_LETTERS}[\w'\u2019-]*\.?){{0,3}}"
)
_PLACE = re.compile(
    r"(?:st|ste|saint|sainte|san|santa|santo|sankt)\b\.? ?[^,]*"
    r"|.*\b(?:hospitals?|clinics?|medical|cent(?:er|re)|health(?:care)?|infirmary|hospice|nursing"
    r"|university|college|institute|pharmacy|klinik(?:um)?|krankenhaus|h[oô]pital|clinique|cl[ií]nica"
    r"|ospedale)\b.*",
    re.IGNORECASE,
)
"""A place called after a saint or another person, such as most hospitals are."""

# Enough of the commonest in several languages to know a column of names by.
_GIVEN = frozenset(
    re.split(
        " ",
        "aaron adam adrian ahmed aisha alan albert alejandro alex alexander ali alice alicia "
        "amanda amy ana andrea andreas andrew angela anita ann anna anne anthony antonio arthur "
        "ashley barbara benjamin betty beverly brandon brenda brian carl carla carlos carol "
        "caroline catherine charles charlotte cheryl chloe christian christina christine "
        "christopher claire claudia cynthia daniel david deborah debra denise dennis diana diane "
        "donald donna dorothy douglas edward elena elizabeth ella emily emma eric erik ethan eva "
        "evelyn fatima felix fernando florian frances francisco frank franz fred gabriel gary "
        "george gerald gloria grace greg gregory hannah hans harold harry hassan heather helen "
        "helga henry hugo ibrahim ingrid irene isabella ivan jack jacob jacqueline james jan jane "
        "janet jason javier jean jeffrey jennifer jeremy jessica joan joe johann john jonas "
        "jonathan jorge jose joseph joshua juan juana judith julia julie justin karen karl "
        "katherine kathleen kathryn keith kelly kenneth kevin kim kimberly klaus larry laura "
        "lauren lawrence lea leo leon liam linda lisa louis lucas lucia luis luisa lukas margaret "
        "maria marie marilyn mark markus martha martin mary matthew max megan mei melissa mia "
        "michael michelle miguel mohamed mohammed monika nancy natalie nathan nicholas nicole noah "
        "nora olivia oliver oscar pamela patricia patrick paul paula pedro peter philip philipp "
        "pierre priya rachel ralph raymond rebecca richard robert roger ronald rosa roy russell "
        "ruth ryan sabine samantha samuel sandra sara sarah scott sean sharon shirley silvia simon "
        "sofia sophia sophie stefan stephanie stephen steven susan teresa terry theresa thomas tim "
        "timothy tobias tyler ursula vera victor vincent walter wayne wei willie william wolfgang "
        "yusuf zachary zoe",
    )
)


@dataclass(frozen=True)
class _Sample:
    """The values of a column that are not empty."""

    values: Sequence[str]

    @property
    def distinct(self) -> float:
        """Share of values that occur for the first time."""
        return len(set(self.values)) / len(self.values)

    def matching(self, fits: Callable[[str], object]) -> float:
        """Share of values that match a pattern."""
        return sum(bool(fits(value)) for value in self.values) / len(self.values)


def kind_of_values(values: Sequence[str], *, quantity: bool = False) -> str | None:
    """Return the kind of person data that the values indicate, as a phrase, or None.

    A quantity is measured or banded: its digits are amounts, not identifiers.
    """
    sample = _Sample([stripped for value in values if (stripped := value.strip())])
    if len(sample.values) < _FEW:
        return None
    return next((kind for kind, fits in _KINDS if fits(sample, quantity)), None)


_FEW = 3


def _mail(sample: _Sample, _: bool) -> bool:
    return sample.matching(_MAIL.fullmatch) >= 0.2


def _street(sample: _Sample, _: bool) -> bool:
    return sample.matching(_STREET.fullmatch) >= 0.3 and sample.distinct >= 0.3


def _dates(sample: _Sample, quantity: bool) -> bool:
    return (
        not quantity
        and len(set(sample.values)) >= ENOUGH
        and sample.distinct >= 0.3
        and sample.matching(_DATE.fullmatch) >= 0.8
    )


def _phone(sample: _Sample, _: bool) -> bool:
    def fits(value: str) -> bool:
        digits = sum(c.isdigit() for c in value)
        plain = _PHONE.fullmatch(value) and not _SOCIAL.fullmatch(value)
        return bool(plain) and 7 <= digits <= 15 and not _DAY_OF_ANY_YEAR.fullmatch(value)

    return len(sample.values) >= ENOUGH and sample.distinct >= 0.5 and sample.matching(fits) >= 0.6


def _number(sample: _Sample, quantity: bool) -> bool:
    def fits(value: str) -> bool:
        return bool(_NUMBER.fullmatch(value) or _RANDOM.fullmatch(value))

    return (
        not quantity
        and len(sample.values) >= ENOUGH
        and sample.distinct >= 0.5
        and sample.matching(fits) >= 0.8
        # Of numbers in a row a few always look like days, so single ones are not left out.
        and sample.matching(_DAY_OF_ANY_YEAR.fullmatch) < 0.8
    )


def _person(sample: _Sample, _: bool) -> bool:
    def fits(value: str) -> bool:
        words = re.findall(rf"{_LETTERS}+", value.lower())
        named = bool(_PERSON.fullmatch(value)) and any(word in _GIVEN for word in words)
        return named and not _PLACE.fullmatch(value)

    several = len(set(sample.values)) >= ENOUGH
    return several and sample.matching(fits) >= 0.3


def _text(sample: _Sample, _: bool) -> bool:
    words = sum(len(value.split()) for value in sample.values) / len(sample.values)
    return len(sample.values) >= ENOUGH and words >= 5 and sample.distinct >= 0.7


_KINDS: tuple[tuple[str, Callable[[_Sample, bool], bool]], ...] = (
    ("mail addresses", _mail),
    ("street addresses", _street),
    ("dates of birth or other days in one life", _dates),
    ("phone numbers", _phone),
    ("numbers that each stand for one person", _number),
    ("names of people", _person),
    ("free text, which may name anybody", _text),
)
