"""The Chromium that draws the dashboard's page for tests, screenshots and benchmarks.

`python -m ops.page.chromium` prints its path, or the reason why there is none.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from medical_charges.errors import MedicalChargesError
from medical_charges.report.printable import printable

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """Find the Chromium that CHROMIUM names, or the first on the PATH.

    Raises:
        MedicalChargesError: there is none.
    """
    named = os.environ.get("CHROMIUM")
    wanted = (named,) if named else NAMES
    found = next(filter(None, map(shutil.which, wanted)), None)
    if found is None:
        raise MedicalChargesError(
            f"no Chromium ({', '.join(wanted)}) is on the PATH: install it, or name it in CHROMIUM"
        )
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser that makes no network requests of its own."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def main() -> int:
    """Print the path of the executable."""
    try:
        print(find_chromium())  # noqa: T201 - the command's answer
    except MedicalChargesError as error:
        print(printable(f"error: {error}"), file=sys.stderr)  # noqa: T201 - as above
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
