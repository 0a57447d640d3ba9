"""ZIP files whose bytes depend on their content alone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_MOMENT = (1980, 1, 1, 0, 0, 0)
_EXCLUDED_FOLDERS = {"__pycache__", "bin"}
# What an installer notes down about itself.
_EXCLUDED_NAMES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


def write_zip(target: Path, entries: Mapping[str, bytes | Path], *, compress: bool = True) -> None:
    """Write a ZIP of these entries, in the order of their names."""
    partial = target.with_name(f".{target.name}.writing")
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(partial, "w", kind) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = kind
            entry.external_attr = 0o644 << 16
            content = entries[name]
            if isinstance(content, Path):
                content = content.read_bytes()
            archive.writestr(entry, content)
    partial.replace(target)


def tree(folder: Path) -> Iterator[tuple[str, Path]]:
    """Return the files of a folder by their names in a ZIP, without those that vary by build."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        noted = path.name in _EXCLUDED_NAMES and path.parent.suffix == ".dist-info"
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not (noted or hidden or _EXCLUDED_FOLDERS & set(parts)):
            yield "/".join(parts), path
