"""The dashboard as somebody in front of a browser has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from playwright.sync_api import Browser

_READ = (Path(__file__).parent / "drawn.js").read_text()

_SELECT = """async (selection) => {
  const form = document.querySelector(".filters form");
  for (const [column, value] of Object.entries(selection)) {
    const select = form.elements.namedItem(`filter-${column}`);
    if (select.value === value) continue;
    select.value = value;
    delete document.documentElement.dataset.shown;
    select.dispatchEvent(new Event("change"));
    while (document.documentElement.dataset.shown === undefined) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}"""


@dataclass
class Drawn:
    """Everything that is on show."""

    charts: Mapping[str, Any]
    tiles: Mapping[str, list[str]]
    sentences: list[str]

    def marks(self, chart: str, kind: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """The marks of a kind by their category and series."""
        found = self.charts[chart]["marks"].get(kind, [])
        named = {tuple(name for name in mark["of"] if name): mark for mark in found}
        assert len(named) == len(found), f"{chart}: two marks of one group"
        return named

    def figure(self, tile: str) -> str:
        """Return the figure of a tile."""
        return self.tiles[tile][1]


class Dashboard:
    """A page that is open, with all it has complained of and asked for."""

    def __init__(
        self,
        browser: Browser,
        path: Path,
        *,
        width: int = 1280,
        scheme: Literal["light", "dark"] = "light",
    ) -> None:
        self.path = path
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.open()

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.page.close()

    def open(self, view: str = "") -> None:
        """Load the page, with a view's part of a link, and wait until it is drawn."""
        # Another part alone would not load it again.
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + (f"#{view}" if view else ""))
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def select(self, **selection: str) -> Drawn:
        """Set filters as a viewer does, and read what is drawn then."""
        self.page.evaluate(_SELECT, selection)
        return self.drawn()

    def drawn(self) -> Drawn:
        """Read what is drawn."""
        return Drawn(**self.page.evaluate(_READ))
