"""Findings: what a check of a machine, an account or a deployment says.

findings = run_check("buckets", lambda: iter([("ok", "the name is free")]))
return show_findings(findings, console())
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

Level = Literal["ok", "warn", "fail"]

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}


@dataclass(frozen=True)
class Finding:
    """The result of a check."""

    check: str
    level: Level
    found: str
    mend: str = ""
    """What to do about it, unless it is ok."""


Said = tuple[Level, str] | tuple[Level, str, str]
"""Level, what was found, and what to do about it."""


def run_check(name: str, check: Callable[[], Iterable[Said]]) -> list[Finding]:
    """Run a check; an answer that AWS refuses is a finding too.

    What the credentials may not ask for is a warning: it is not known to be wrong.
    """
    try:
        return [Finding(name, *said) for said in check()]
    except ClientError as error:
        asked, code = error.operation_name, error.response.get("Error", {}).get("Code", "")
        if code in _DENIED:
            found = f"{asked} is denied to these credentials"
            return [Finding(name, "warn", found, "check by hand")]
        return [Finding(name, "fail", f"{asked}: {error}", "see what the message says")]
    except BotoCoreError as error:
        mend = "see whether the network reaches AWS, and whether the region has the service"
        return [Finding(name, "fail", str(error), mend)]


def show_findings(findings: list[Finding], console: Console, *, as_json: bool = False) -> int:
    """Print the findings, and return 1 if one of them makes a deployment fail."""
    if as_json:
        text = json.dumps([asdict(finding) for finding in findings], indent=2)
        console.print(text, soft_wrap=True)
    else:
        width = max(len(finding.check) for finding in findings)
        for finding in findings:
            console.print(f"{finding.level:4}  {finding.check:{width}}  {finding.found}")
            if finding.mend:
                console.print(f"{'':4}  {'':{width}}  -> {finding.mend}")
    return int(any(finding.level == "fail" for finding in findings))
