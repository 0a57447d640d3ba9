"""The distribution of tests to workers: tests with an expensive fixture stay together."""

from __future__ import annotations

from functools import cache

from xdist.scheduler import LoadScopeScheduling

from tests.helpers import ROOT

# The longest first. While Terraform waits for the stack Spark has the cores; what is in no group
# fills the gaps, test by test.
GROUPS = ("stack", "spark", "local_aws", "terraform", "browser", "packaging", "chaos")

_PLACES = {
    "tests/functional/": "stack",
    "tests/local_aws/": "local_aws",
    "tests/terraform/": "terraform",
    "tests/browser/": "browser",
    "tests/chaos/": "chaos",
    "tests/unit/ops/test_packaging.py": "packaging",
}


def group(test: str) -> str | None:
    """Return a test's expensive fixture: stack, JVM, servers, Terraform, browser or build."""
    file, _, _ = test.partition("::")
    named = next((name for place, name in _PLACES.items() if file.startswith(place)), None)
    return named or ("spark" if _needs_spark(file) else None)


def rank(test: str) -> int:
    """Return a test's position in the order of tests."""
    found = group(test)
    return GROUPS.index(found) if found else len(GROUPS)


@cache
def _needs_spark(file: str) -> bool:
    return "pytest.mark.spark" in (ROOT / file).read_text()


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a worker a whole group, or one test.

    pytest-xdist's own groups go by a change of the tests' names that pytest 9.2 does not see.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid) or nodeid
