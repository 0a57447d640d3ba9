"""An attacker who holds every publication of all time, and a solver.

It shares no code with the protection that it is put against.
"""
