"""What the site is built from: the documents, each at its own path, and what they link to.

As the paths are those of the repository, every link stays as it is written there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from medical_charges.errors import MedicalChargesError

ENTRANCE, INDEX = "README.md", "docs/index.md"
_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\| (?!-)(.*) \| (.*) \|$", re.MULTILINE)

Entry: TypeAlias = "str | dict[str, Entry | list[Entry]]"


def linked(root: Path, page: str, text: str) -> Iterator[str]:
    """Yield the files of the repository that a text on a page links to.

    Raises:
        MedicalChargesError: a link leads to no file, or out of the repository.
    """
    for target in _LINK.findall(_CODE.sub("", text)):
        name = target.partition("#")[0]
        if name and ":" not in name:
            found, home = (root / page).parent.joinpath(name).resolve(), root.resolve()
            if not (found.is_file() and found.is_relative_to(home)):
                raise MedicalChargesError(f"{page}: {target} leads to no file of the repository")
            yield found.relative_to(home).as_posix()


def sources(root: Path) -> list[str]:
    """Find every file that a reader comes to from the entrance.

    Raises:
        MedicalChargesError: a link leads to no file, or out of the repository.
    """
    found, new = set[str](), {ENTRANCE, INDEX}
    while new:
        found |= new
        pages = {it: (root / it).read_text() for it in new if it.endswith(".md")}
        new = {it for page, text in pages.items() for it in linked(root, page, text)} - found
    return sorted(found)


def navigation(root: Path) -> list[Entry]:
    """Return the tasks of the index with their pages; each page stands under its first task.

    Raises:
        MedicalChargesError: a link leads to no file, or out of the repository.
    """
    placed = {ENTRANCE, INDEX}
    entries: list[Entry] = [ENTRANCE, INDEX]
    # The first row is the heading of the one table.
    for task, documents in _ROW.findall((root / INDEX).read_text())[1:]:
        name = task[0].upper() + task[1:]
        match list(_placed(root, INDEX, documents, placed)):
            case [str() as page]:
                entries.append({name: page})
            case [dict() as folder]:
                entries.extend({name: pages} for pages in folder.values())
            case pages if pages:
                entries.append({name: pages})
    return entries


def _placed(root: Path, page: str, text: str, placed: set[str]) -> Iterator[Entry]:
    """Yield the pages that a text links to, and with the index of a folder those of the folder."""
    for path in linked(root, page, text):
        if path.endswith(".md") and path not in placed:
            placed.add(path)
            below = list(_below(root, path, placed)) if path.endswith("/README.md") else []
            yield {_title(root, path): [path, *below]} if below else path


def _below(root: Path, index: str, placed: set[str]) -> Iterator[str]:
    """Yield the other pages of a folder, in the order of its index."""
    folder = index.removesuffix("README.md")
    for path in linked(root, index, (root / index).read_text()):
        if path.startswith(folder) and path.endswith(".md") and path not in placed:
            placed.add(path)
            yield path


def _title(root: Path, page: str) -> str:
    return (root / page).read_text().partition("\n")[0].removeprefix("# ")
