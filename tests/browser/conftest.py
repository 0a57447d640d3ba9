"""The page in a real browser: one Chromium for all, and what it draws, read off the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from dashboards.page import write_page
from dashboards.published import Mirror
from medical_charges.contract import Contract
from medical_charges.manifests import generate_manifests
from medical_charges.publish import UNVALIDATED, publish
from medical_charges.storage import LocalStore
from tests.browser.drawn import Dashboard
from tests.helpers import run, upload

RUN_ID = "20261124T015610363891Z"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """This machine's Chromium. Only outside of CI may it be missing."""
    wanted = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else _NAMES
    found = next(filter(None, map(shutil.which, wanted)), None)
    if found is None:
        sentence = f"no Chromium ({', '.join(wanted)}) is on the PATH: tests/browser/install"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """The one browser of a test run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


Publish = Callable[[Contract, dict[str, bytes]], LocalStore]


@pytest.fixture(scope="session")
def publish_folder(tmp_path_factory: pytest.TempPathFactory) -> Publish:
    """Analyse files and publish what comes out, with manifests, into a folder of its own."""

    def make(contract: Contract, files: dict[str, bytes]) -> LocalStore:
        store = LocalStore(tmp_path_factory.mktemp("published"))
        upload(store, contract, files)
        run(store, contract, RUN_ID)
        publish(store, contract, RUN_ID, UNVALIDATED)
        generate_manifests(Mirror(store, "medicalcharges"), contract)
        return store

    return make


@pytest.fixture(scope="session")
def real(publish_folder: Publish, contract: Contract, real_file: bytes) -> LocalStore:
    """The published outputs of the real file."""
    return publish_folder(contract, {"Charges.csv": real_file})


@pytest.fixture(scope="session")
def real_page(real: LocalStore, contract: Contract) -> Path:
    """The page of the real file."""
    return Path(real.uri.removeprefix("file://")) / write_page(real, contract)


@pytest.fixture(scope="module")
def dashboard(browser: Browser, real_page: Path) -> Iterator[Dashboard]:
    """The real file's page, opened once for a module."""
    with Dashboard(browser, real_page) as dashboard:
        yield dashboard
