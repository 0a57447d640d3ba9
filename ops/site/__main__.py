"""Lay out the sources of the site: `python -m ops.site SITE.yml NODE_MODULES`, for Zensical.

The sources and the built site are next to SITE.yml, in folders of the names in settings.yml.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import yaml

from medical_charges.errors import MedicalChargesError
from medical_charges.report.printable import printable
from ops.site.sources import navigation, sources

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SCRIPTS = {
    "mermaid.tiny.js": "@mermaid-js/tiny/dist/mermaid.tiny.js",
    "iframe-worker.js": "iframe-worker/shim/index.js",
}
"""The scripts of packages that the settings name, by their names there."""


def lay_out(root: Path, site: Path, packages: Path) -> None:
    """Copy the documents with what they link to, and write the settings of the site.

    Raises:
        MedicalChargesError: a link leads to no file, or out of the repository.
    """
    settings = yaml.safe_load((HERE / "settings.yml").read_text())
    folder = site.parent / settings["docs_dir"]
    shutil.rmtree(folder, ignore_errors=True)
    for path in sources(root):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
    for name, script in SCRIPTS.items():
        shutil.copyfile(packages / script, folder / name)
    # YAML takes JSON as it is.
    site.write_text(json.dumps({**settings, "nav": navigation(root)}, indent=2))


def main() -> int:
    """Lay out this repository's documents."""
    try:
        lay_out(ROOT, Path(sys.argv[1]), Path(sys.argv[2]))
    except MedicalChargesError as error:
        print(printable(f"error: {error}"), file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
