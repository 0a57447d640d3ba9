"""Disclosure control: no figure that is published leads back to a small count.

A row with a count of fewer people than the contract's minimum loses every figure. So do further
rows, until nobody can confine a count that was taken away to fewer than SPAN + 1 whole numbers
from everything that is published together. `docs/disclosure.md` says what that somebody is
taken to know.
"""

from medical_charges.outputs.disclosure.pattern import Protection, protect
from medical_charges.outputs.disclosure.published import Cell, Row
from medical_charges.outputs.disclosure.system import SPAN

__all__ = ["SPAN", "Cell", "Protection", "Row", "protect"]
