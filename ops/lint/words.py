"""Find words that the glossary replaces by its terms.

The last column of docs/glossary.md lists them, separated by commas; `*` stands for any ending.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

GLOSSARY = Path("docs/glossary.md")
_HEADINGS = ("not", "---")
NOT_CHECKED = (
    *("docs/glossary.md", "requirements", "tests/unit/ops/test_lint.py", "*.gz", "*.webp"),
    "glue_jobs/golden/european/sample.csv",  # is not UTF-8
)


def forbidden(glossary: str) -> dict[str, str]:
    """The term to write, by the word that is not to be written."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in glossary.splitlines()
        if line.startswith("|")
    ]
    return {
        word.strip(): term
        for term, *_, words in rows
        for word in words.split(",")
        if word.strip() not in ("", *_HEADINGS)
    }


def findings(text: str, words: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    """Line, word and term to write instead, for each forbidden word of a text."""
    patterns = [(_pattern(word), term) for word, term in words.items()]
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, term in patterns:
            for found in pattern.finditer(line):
                yield number, found[0], term


def _pattern(word: str) -> re.Pattern[str]:
    spelled = re.escape(word).replace(r"\*", "[a-z]*").replace(r"\ ", "[ _]")
    # An underscore parts words too, so that names are checked.
    return re.compile(rf"(?<![^\W_]){spelled}(?![^\W_])", re.IGNORECASE)


def main() -> int:
    """Check every file that Git knows."""
    words = forbidden(GLOSSARY.read_text(encoding="utf-8"))
    found = [
        f"{path}:{line}: '{word}': write '{term}' (docs/glossary.md)"
        for path in _files()
        for line, word, term in findings(path.read_text(encoding="utf-8"), words)
    ]
    print(*found, sep="\n", end="\n" if found else "")  # noqa: T201 - the command's answer
    return 1 if found else 0


def _files() -> Iterator[Path]:
    skipped = [f":!{it}" for it in NOT_CHECKED]
    known = subprocess.check_output(["git", "ls-files", "-z", "--", ".", *skipped], text=True)
    return (path for it in known.split("\0") if (path := Path(it)).is_file())


if __name__ == "__main__":
    sys.exit(main())
