"""Screenshots of the dashboard: `python -m ops.page.screenshots --out OUT --contract FILE FOLDER`.

They show the page of a run's outputs in a browser, as WebP: PNG is twice as large, and the
screenshots are part of the repository.
"""

from __future__ import annotations

import argparse
import base64
import sys
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from medical_charges.contract import load_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.report.printable import printable
from ops.page import save_page
from ops.page.chromium import chromium

WIDTHS = (1280, 390)
QUALITY = 80
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def take_pictures(browser: Browser, page: Path, folder: Path) -> list[Path]:
    """Save the page at each width, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for width, scheme in product(WIDTHS, SCHEMES):
        view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        view.goto(page.resolve().as_uri())
        view.wait_for_selector("html[data-ready]", state="attached")
        path = folder / f"dashboard_{width}_{scheme}.webp"
        path.write_bytes(_picture(view, width))
        view.close()
        taken.append(path)
    return taken


def _picture(view: Page, width: int) -> bytes:
    """Take a screenshot of the whole page."""
    height = view.evaluate("document.documentElement.scrollHeight")
    view.set_viewport_size({"width": width, "height": height})
    session = view.context.new_cdp_session(view)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    return base64.b64decode(taken["data"])


def main(argv: list[str] | None = None) -> int:
    """Write the page of a folder and its screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder that mirrors the bucket"
    )
    parser.add_argument("--contract", type=Path, required=True, help="what describes the data")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(argv)
    try:
        page = save_page(options.out, load_contract(options.contract))
        with chromium() as browser:
            taken = take_pictures(browser, page, options.folder)
    except MedicalChargesError as error:
        print(printable(f"error: {error}"), file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    for path in taken:
        print(f"{path}: {path.stat().st_size:,} bytes")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
