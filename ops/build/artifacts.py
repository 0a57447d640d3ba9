"""All artifacts, and the index from which Terraform uploads them."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from medical_charges.contract import load_contract
from medical_charges.dashboard.page import LIBRARY, make_library
from medical_charges.dashboard.quicksight.template import template_text
from medical_charges.outputs.catalog import catalog_text
from medical_charges.validation.dqdl import rulesets_text
from ops.build import lock, wheels
from ops.build.cache import Cache, inputs_hash
from ops.build.certificate import CERTIFICATES, certificates
from ops.build.environment import ENVIRONMENT, interpreter, write_environment
from ops.build.wheels import BuildError
from ops.build.zips import tree, write_zip

FUNCTIONS = (
    "plan_run",
    "compare_runs",
    "publish_outputs",
    "generate_manifests",
    "validate_manifests",
    "write_page",
    "end_run",
)
PACKAGES = "lambdas/"
"""Key prefix of the functions' packages."""
_INDEX = "index.json"
QUICKSIGHT = "quicksight/"
"""Key prefix of the dashboards' template, named by its hash: a new one is a new file."""
SCRIPTS = ("analyze.py", "test_analysis.py", "validate_outputs.py")


@dataclass(frozen=True)
class Build:
    """One build: from the tree at `root` into `out`, by a contract.

    A laptop already has the third-party packages, so its build leaves out the wheels of EMR and
    Glue, and its functions' packages are for its own platform.
    """

    root: Path
    out: Path
    contract: Path
    laptop: bool = False
    serverless: bool = False
    """True if jobs of EMR Serverless need an environment to bring with them."""

    def run(self) -> dict[str, Any]:
        """Make missing artifacts, remove stale ones, and return the index."""
        if self.out.exists() and any(self.out.iterdir()) and not (self.out / _INDEX).exists():
            raise BuildError(f"{self.out} holds something else; a build would remove it")
        contract = load_contract(self.contract)
        derived = {"catalog.json": catalog_text(contract), "rulesets.json": rulesets_text(contract)}
        self.out.mkdir(parents=True, exist_ok=True)
        # There from the start, so that an interrupted build is known as one.
        (self.out / _INDEX).touch()
        objects = {key: self._object(path) for key, path in sorted(self._objects().items())}
        index = {
            "version": _version(objects),
            "objects": objects,
            "glue_modules": [key for key in objects if key.endswith(".whl")],
        }
        self._remove_others(objects)
        for name, text in derived.items():
            (self.out / name).write_text(text)
        (self.out / _INDEX).write_text(json.dumps(index, indent=2) + "\n")
        return index

    @cached_property
    def _cache(self) -> Cache:
        return Cache(self.root / ".build" / "cache")

    @property
    def _lock(self) -> Path:
        return self.root / "requirements" / "runtime.txt"

    def _objects(self) -> dict[str, Path]:
        """Return everything that is uploaded, by its key below the artifacts."""
        golden = self.root / "glue_jobs" / "golden"
        found = {
            "contract.yaml": self.contract,
            "emr/bootstrap.sh": self.root / "ops" / "build" / "emr_bootstrap.sh",
            f"library/{self._library.name}": self._library,
            **{name: self.root / "glue_jobs" / name for name in SCRIPTS},
            **{
                f"golden/{name}": path
                for name, path in tree(golden)
                if path.suffix in {".csv", ".yaml"}
            },
        }
        copies = {key: self._copy(key, path) for key, path in found.items()}
        copies |= dict([self._dashboards()])
        copies |= {f"{PACKAGES}{name}.zip": self._function(name) for name in FUNCTIONS}
        return copies if self.laptop else copies | dict(self._cluster_objects())

    def _dashboards(self) -> tuple[str, Path]:
        text = template_text(load_contract(self.contract))
        key = f"{QUICKSIGHT}{inputs_hash([text])[:16]}.json"
        return key, self._cache.file(
            self.out / key, inputs_hash([text]), lambda path: _no_return(path.write_text(text))
        )

    def _copy(self, key: str, source: Path) -> Path:
        target = self.out / key
        return self._cache.file(
            target, inputs_hash([source]), lambda path: _no_return(shutil.copy(source, path))
        )

    @cached_property
    def _library(self) -> Path:
        sources = [path for _, path in tree(self.root / "src" / "medical_charges")]
        names = [str(path.relative_to(self.root)) for path in sources]
        others = [self.root / name for name in ("pyproject.toml", "LICENSE", "README.md")]
        inputs = inputs_hash([*names, *sources, *(path for path in others if path.exists())])
        folder = self._cache.folder(
            "library", inputs, lambda path: _no_return(wheels.library_wheel(self.root, path))
        )
        return next(folder.glob("*.whl"))

    def _cluster_objects(self) -> Iterator[tuple[str, Path]]:
        """Return the objects for clusters only: third-party wheels, and a certificate."""
        house = self._wheels("emr", lock.NOT_NEEDED_ON_EMR)
        yield (
            "emr/wheelhouse.zip",
            self._cache.file(
                self.out / "emr" / "wheelhouse.zip",
                inputs_hash([house.name]),
                lambda path: write_zip(path, dict(tree(house)), compress=False),
            ),
        )
        if self.serverless:
            yield ENVIRONMENT, self._environment(house)
        for wheel in sorted(self._wheels("glue", lock.BROUGHT_BY_GLUE).glob("*.whl")):
            yield f"glue/{wheel.name}", self._copy(f"glue/{wheel.name}", wheel)
        yield CERTIFICATES, self._copy(CERTIFICATES, certificates(self._cache.path(CERTIFICATES)))

    def _environment(self, house: Path) -> Path:
        packages = self._cache.folder(
            "packages-serverless",
            inputs_hash([house.name]),
            lambda path: wheels.unpack(house, path),
        )
        python = interpreter(self._cache.path("serverless"))
        return self._cache.file(
            self.out / ENVIRONMENT,
            inputs_hash([house.name, python, self.root / "ops" / "build" / "environment.py"]),
            lambda path: write_environment(path, python, packages),
        )

    def _wheels(self, name: str, brought: frozenset[str]) -> Path:
        listed = lock.without(self._lock, brought)
        return self._cache.folder(
            f"wheels-{name}", inputs_hash([listed]), lambda path: wheels.download(listed, path)
        )

    def _function(self, name: str) -> Path:
        """Build the package of one function: its code, the library and its dependencies."""
        listed = lock.only(self._lock, lock.NEEDED_BY_LAMBDA)
        target = "laptop" if self.laptop else "lambda"
        packages = self._cache.folder(
            f"packages-{target}",
            inputs_hash([listed]),
            lambda path: wheels.install(listed, path, for_lambda=not self.laptop),
        )
        folder = self.root / "lambdas"
        own = {
            ("handler.py" if path.name == "handler.py" else f"lambdas/{name}/{path.name}"): path
            for path in sorted((folder / name).glob("*.py"))
        } | {f"lambdas/{path.name}": path for path in sorted(folder.glob("*.py"))}
        if name == "write_page":
            own[f"medical_charges/dashboard/assets/{LIBRARY}"] = self._drawing
        inputs = inputs_hash([target, listed, self._library, *own, *own.values()])

        def write(path: Path) -> None:
            write_zip(path, {**dict(tree(packages)), **_library_files(self._library), **own})

        return self._cache.file(self.out / PACKAGES / f"{name}.zip", inputs, write)

    @cached_property
    def _drawing(self) -> Path:
        """The script that draws the page's charts."""
        folder = self._cache.folder(
            "drawing",
            inputs_hash([metadata.version("vl-convert-python")]),
            lambda path: _no_return((path / LIBRARY).write_text(make_library())),
        )
        return folder / LIBRARY

    def _object(self, path: Path) -> dict[str, str]:
        """Return a file's path, and its hash in Lambda's form, so that Terraform can compare."""
        found = hashlib.sha256(path.read_bytes()).digest()
        return {"path": self._shown(path), "sha256": base64.b64encode(found).decode()}

    def _shown(self, path: Path) -> str:
        # A laptop applies a copy of the root module, which is elsewhere.
        here = not self.laptop and path.is_relative_to(self.root)
        return str(path.relative_to(self.root) if here else path)

    def _remove_others(self, objects: Iterable[str]) -> None:
        """Remove what only an earlier build made."""
        kept = {self.out / _INDEX} | {self.out / key for key in objects}
        for path in self.out.rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()


def _library_files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name
        }


def _version(objects: dict[str, dict[str, str]]) -> str:
    """Return a hash of what decides a run's outcome: not the certificate, nor the presentation."""
    parts = {
        key: found["sha256"]
        for key, found in objects.items()
        if key != CERTIFICATES and not key.startswith(QUICKSIGHT)
    }
    return inputs_hash([json.dumps(parts, sort_keys=True)])[:16]


def _no_return(_: object) -> None:
    """Discard the result of a call."""
