"""Refuse a commit message whose first line is not `type(scope): summary`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LONGEST = 72
TYPES = ("build", "chore", "docs", "feat", "fix", "perf", "refactor", "test")
_SUBJECT = re.compile(rf"(?:{'|'.join(TYPES)})(?:\([a-z0-9_-]+\))?: \S.*")
_WRITTEN_BY_GIT = ("Merge ", "Revert ", "fixup! ", "squash! ")


def fault_of(subject: str) -> str | None:
    """What is wrong with the subject of a commit, as a sentence."""
    if subject.startswith(_WRITTEN_BY_GIT):
        return None
    if len(subject) > LONGEST:
        return f"The subject has {len(subject)} characters; shorten it to {LONGEST}."
    if not _SUBJECT.fullmatch(subject):
        return f"The subject is not `type(scope): summary` with a type of {', '.join(TYPES)}."
    return None


def main() -> int:
    """Check the file that Git hands to a commit-msg hook."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    fault = fault_of(lines[0] if lines else "")
    if fault:
        print(fault, file=sys.stderr)  # noqa: T201 - the hook's answer
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
