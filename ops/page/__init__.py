"""The dashboard's page in a folder that mirrors the bucket, and in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

from medical_charges.contract import Contract
from medical_charges.dashboard.page import write_page
from medical_charges.storage import LocalStore


def save_page(out: Path, contract: Contract) -> Path:
    """Write the page of the published outputs in a folder, and return its path.

    Raises:
        ManifestError: the manifests do not lead to the published outputs.
    """
    return out / write_page(LocalStore(out), contract)


def open_page(page: Path) -> bool:
    """Show a page in the user's browser; return False if there is no screen."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        # A browser for terminals would take this one.
        return False
    return webbrowser.open(page.resolve().as_uri())
