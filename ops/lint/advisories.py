"""Look locked packages up in PyPI's advisories with pip-audit, where they can be reached."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SECONDS = 90
"""The longest that the whole lookup may take."""

_UNREACHABLE = "pip-audit: skipped, as the advisories of PyPI cannot be reached from here"


def main() -> int:
    """Audit the locks that are named; the first is small and shows whether there is an answer."""
    first, *others = sys.argv[1:]
    if not any("vulns" in it for it in _audited(first)):
        print(_UNREACHABLE)  # noqa: T201 - the command's answer
        return 0
    found = [
        f"{it['name']} {it['version']}: {vulnerability['id']}"
        for lock in (first, *others)
        for it in _audited(lock)
        for vulnerability in it.get("vulns", ())
    ]
    print("\n".join(found) or "pip-audit: no known vulnerability")  # noqa: T201 - as above
    return 1 if found else 0


def _audited(lock: str) -> list[dict[str, Any]]:
    """The packages of a lock with their advisories; none if there is no answer in time."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--timeout", "5", "--progress-spinner", "off", "--format", "json", "-r", lock]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        return []
    return dependencies


if __name__ == "__main__":
    sys.exit(main())
