"""The lock file for AWS, and its parts for platforms that include some of the packages."""

from __future__ import annotations

from pathlib import Path

BROUGHT_BY_LAMBDA = frozenset(
    {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
)
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
BROUGHT_BY_GLUE = BROUGHT_BY_LAMBDA | {"numpy", "pandas", "pyarrow", "pytz", "tzdata"}

NOT_NEEDED_ON_EMR = frozenset({"pandas", "pyarrow", "pytz", "tzdata"})
"""What validation alone uses."""

NEEDED_BY_LAMBDA = frozenset(
    {
        "annotated-types",
        "aws-lambda-powertools",
        "jinja2",
        "markupsafe",
        "pydantic",
        "pydantic-core",
        "ruamel-yaml",
        "typing-extensions",
        "typing-inspection",
    }
)


def requirements(lock: Path) -> dict[str, str]:
    """Return the lock's entries by the names of their packages, with hashes and markers.

    A package with several entries, for several Pythons, keeps them all.
    """
    found: dict[str, str] = {}
    name = ""
    for line in lock.read_text().splitlines():
        if line[:1].isalnum():
            name = line.partition("==")[0].strip()
        if name and line.strip() and not line.lstrip().startswith("#"):
            found[name] = found.get(name, "") + line + "\n"
    return found


def without(lock: Path, brought: frozenset[str]) -> str:
    """Return the lock as text, without the packages of a platform."""
    return "".join(text for name, text in requirements(lock).items() if name not in brought)


def only(lock: Path, needed: frozenset[str]) -> str:
    """Return the lock as text, of some packages only."""
    return "".join(text for name, text in requirements(lock).items() if name in needed)
