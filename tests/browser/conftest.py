"""The page in a real browser: one Chromium for all, and what it draws, read off the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from medical_charges.contract import Contract
from medical_charges.dashboard.page import write_page
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, MirrorStore
from ops.folders import publish_staged
from ops.page.chromium import chromium, find_chromium
from tests.browser.drawn import Dashboard
from tests.helpers import run, upload

RUN_ID = "20261124T015610363891Z"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one browser of a test run. Only outside of CI may it be missing."""
    try:
        find_chromium()
    except MedicalChargesError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    with chromium() as browser:
        yield browser


Publish = Callable[[Contract, dict[str, bytes]], LocalStore]


@pytest.fixture(scope="session")
def publish_folder(tmp_path_factory: pytest.TempPathFactory) -> Publish:
    """Analyze files and publish what comes out, with manifests, into a folder of its own."""

    def make(contract: Contract, files: dict[str, bytes]) -> LocalStore:
        store = LocalStore(tmp_path_factory.mktemp("published"))
        upload(store, contract, files)
        summary = run(store, contract, RUN_ID)
        bucket = MirrorStore(store, "s3://medicalcharges")
        publish_staged(bucket, Layout(contract.prefix), summary)
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
