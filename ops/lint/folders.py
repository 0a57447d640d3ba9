"""Find folders that hold too much to be read at a glance."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

MOST_FILES = 12
ROOT_OF_THE_LIBRARY, MOST_MODULES = PurePosixPath("src/medical_charges"), 4


def crowded(paths: Iterable[str]) -> Iterator[str]:
    """A sentence for every folder with more files, or modules, than it may have."""
    files = sorted(map(PurePosixPath, paths))
    for folder, count in Counter(file.parent for file in files).items():
        if count > MOST_FILES:
            yield f"{folder} has {count} files: group them in folders of {MOST_FILES} at most"
    modules = [
        file.name
        for file in files
        if file.parent == ROOT_OF_THE_LIBRARY and file.suffix == ".py" and file.stem != "__init__"
    ]
    if len(modules) > MOST_MODULES:
        yield (
            f"{ROOT_OF_THE_LIBRARY} has {len(modules)} modules ({', '.join(modules)}): "
            f"move them into packages until {MOST_MODULES} are left"
        )


def main() -> int:
    """Check every file that Git knows."""
    known = subprocess.check_output(["git", "ls-files", "-z"], text=True)
    found = list(crowded(filter(None, known.split("\0"))))
    print(*found, sep="\n", end="\n" if found else "")  # noqa: T201 - the command's answer
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
