"""Patches of Step Functions: the interpreter, its tasks, its expressions and its events."""
