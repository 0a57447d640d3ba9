"""The navigation of the site follows docs/index.md and reaches every document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from medical_charges.errors import MedicalChargesError
from ops.site.__main__ import SCRIPTS, lay_out
from ops.site.sources import Entry, navigation, sources
from tests.helpers import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two tasks, an index of a folder, and a page that stands in both tasks."""
    pages = {
        "README.md": "# Entrance\n\n[all](docs/index.md), [license](LICENSE)\n",
        "docs/index.md": "# Index\n\n| task | document |\n|---|---|\n"
        "| see samples | [samples](../samples/README.md) |\n"
        "| read | [one](one.md), [two](two.md#part), [samples](../samples/README.md) |\n"
        "| write | [one](one.md#again), [three](three.md) |\n",
        "docs/one.md": "# One\n\n```\n[no](link.md)\n```\n`[none](either.md)` [web](https://a.test/b.md)\n",
        "docs/two.md": "# Two\n\n[up](../data/rows.csv)\n",
        "docs/three.md": "# Three\n",
        "samples/README.md": "# Samples\n\n[b](b.md), [a](a.md), [back](../docs/two.md)\n",
        "samples/a.md": "# A\n",
        "samples/b.md": "# B\n",
        "data/rows.csv": "",
        "LICENSE": "",
        "docs/apart.md": "# Apart\n",
    }
    for path, text in pages.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def pages_of(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values():
                yield from pages_of(inner if isinstance(inner, list) else [inner])


def test_each_task_of_the_index_is_an_entry_with_the_pages_that_none_before_it_has(
    root: Path,
) -> None:
    assert navigation(root) == [
        "README.md",
        "docs/index.md",
        {"See samples": ["samples/README.md", "samples/b.md", "samples/a.md"]},
        {"Read": ["docs/one.md", "docs/two.md"]},
        {"Write": "docs/three.md"},
    ]


def test_the_site_holds_what_its_pages_link_to_and_nothing_else(root: Path) -> None:
    assert sources(root) == sorted(
        ["README.md", "LICENSE", "data/rows.csv"]
        + [f"docs/{name}.md" for name in ("index", "one", "two", "three")]
        + [f"samples/{name}.md" for name in ("README", "a", "b")]
    )


def test_the_builder_finds_the_documents_and_every_script_that_the_settings_name(
    root: Path,
) -> None:
    for script in SCRIPTS.values():
        (root / "packages" / script).parent.mkdir(parents=True, exist_ok=True)
        (root / "packages" / script).write_text(script)
    site, stale = root / "built" / "site.yml", root / "built/site_sources/docs/apart.md"
    stale.parent.mkdir(parents=True)
    stale.write_text("# No longer linked to\n")
    lay_out(root, site, root / "packages")
    settings = json.loads(site.read_text())
    folder = site.parent / settings["docs_dir"]
    found = {it.relative_to(folder).as_posix() for it in folder.rglob("*") if it.is_file()}
    assert found == {*sources(root), *SCRIPTS}
    assert {*settings["extra_javascript"], *settings["extra"]["polyfills"]} == {*SCRIPTS}
    assert settings["nav"] == navigation(root)
    assert not settings["theme"]["font"]


@pytest.mark.parametrize(
    "target", ["nothing.md", "../data", "../../elsewhere.md", "../license.txt"]
)
def test_a_link_to_no_file_of_the_repository_is_refused(root: Path, target: str) -> None:
    (root.parent / "elsewhere.md").write_text("# Elsewhere\n")
    (root / "docs" / "two.md").write_text(f"# Two\n\n[out]({target}#part)\n")
    with pytest.raises(MedicalChargesError, match=rf"docs/two\.md: {target}#part leads to no file"):
        sources(root)


def test_every_document_stands_in_the_navigation_once() -> None:
    placed = list(pages_of(navigation(ROOT)))
    documents = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert len(placed) == len(set(placed))
    assert documents <= set(placed)
    assert set(placed) <= set(sources(ROOT))
