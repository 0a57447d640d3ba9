"""The pictures of the dashboard, and the browser that takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from medical_charges.errors import MedicalChargesError
from ops.page.chromium import find_chromium
from ops.page.screenshots import take_pictures


def test_chromium_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "browser"
    named.touch(mode=0o755)
    monkeypatch.setenv("CHROMIUM", str(named))
    assert find_chromium() == str(named)


def test_without_a_name_chromium_is_the_first_that_is_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MedicalChargesError, match="chromium, chromium-browser, google-chrome"):
        find_chromium()
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert find_chromium() == str(tmp_path / "google-chrome")


def test_pictures_are_of_a_phone_and_a_screen_light_and_dark_and_small(
    browser: Browser, real_page: Path, tmp_path: Path
) -> None:
    taken = take_pictures(browser, real_page, tmp_path)
    assert [path.name for path in taken] == [
        f"dashboard_{width}_{scheme}.webp" for width in (1280, 390) for scheme in ("light", "dark")
    ]
    found = [path.read_bytes() for path in taken]
    assert {data[:4] + data[8:12] for data in found} == {b"RIFFWEBP"}
    assert len(set(found)) == len(found)
    assert max(map(len, found)) < 200_000
