"""The artifacts: the same tree gives the same bytes, and everything AWS runs is among them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from medical_charges.contract import load_contract
from medical_charges.dashboard.page import make_library
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from ops.build import certificate, environment, lock, wheels
from ops.build.artifacts import FUNCTIONS, Build
from ops.build.wheels import BuildError
from tests.helpers import (
    CHARGES_FILE,
    CONTRACT_FILE,
    ROOT,
    VISITS_CONTRACT_FILE,
    plan,
    run,
    staged,
    upload,
)

DRAWING = "medical_charges/dashboard/assets/library.js"
PACKAGES = {f"lambdas/{name}.zip" for name in FUNCTIONS}

SOURCES = ("src", "lambdas", "glue_jobs", "ops", "datasets", "requirements")
FILES = ("pyproject.toml", "LICENSE", "README.md")

Tree = Callable[[], Path]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Copies of the source tree, each with a cache of its own."""

    def copy() -> Path:
        root = tmp_path_factory.mktemp("tree")
        ignored = shutil.ignore_patterns("__pycache__")
        for name in SOURCES:
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, root / name)
        return root

    return copy


def build(root: Path, contract: str = "datasets/medical_charges/contract.yaml") -> dict[str, Any]:
    """A laptop's build of a tree."""
    return Build(root, root / ".build" / "artefacts", root / contract, laptop=True).run()


@pytest.fixture(scope="session")
def built(tree: Tree) -> tuple[Path, dict[str, Any]]:
    """A tree that was built, and its index."""
    root = tree()
    return root, build(root)


@pytest.fixture
def copied(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A tree of one's own in which the same was built."""
    root = tmp_path / "tree"
    shutil.copytree(built[0], root)
    return root


def test_the_same_tree_elsewhere_gives_the_same_bytes(
    tree: Tree, built: tuple[Path, dict[str, Any]]
) -> None:
    assert without_paths(build(tree())) == without_paths(built[1])


def without_paths(index: dict[str, Any]) -> dict[str, Any]:
    """The index without where its files lie: a laptop's build names them from the root of all."""
    return {**index, "objects": {key: it["sha256"] for key, it in index["objects"].items()}}


def test_the_index_gives_the_hash_of_every_file_and_no_file_is_without(
    built: tuple[Path, dict[str, Any]],
) -> None:
    root, index = built
    for found in index["objects"].values():
        data = (root / found["path"]).read_bytes()
        assert base64.b64encode(hashlib.sha256(data).digest()).decode() == found["sha256"]
    out = root / ".build" / "artefacts"
    files = {path for path in out.rglob("*") if path.is_file()}
    listed = {root / found["path"] for found in index["objects"].values()}
    derived = {out / name for name in ("index.json", "catalog.json", "rulesets.json")}
    assert files == listed | derived
    assert json.loads((out / "index.json").read_text()) == index


def test_everything_that_runs_is_there(built: tuple[Path, dict[str, Any]]) -> None:
    _, index = built
    wheel = "library/medical_charges-0.1.0-py3-none-any.whl"
    assert {
        "contract.yaml",
        "analyze.py",
        "test_analysis.py",
        "validate_outputs.py",
        "emr/bootstrap.sh",
        "golden/sample.csv",
        "golden/open/contract.yaml",
        "golden/open/charges_by_age.csv",
        "golden/guarded/charges_by_age.csv",
        wheel,
        *PACKAGES,
    } <= index["objects"].keys()
    assert len([key for key in index["objects"] if key.startswith("quicksight/")]) == 1
    assert index["glue_modules"] == [wheel]
    assert not any(key.endswith((".md", ".pyc", "compute.py")) for key in index["objects"])


def test_a_second_build_makes_nothing_again(built: tuple[Path, dict[str, Any]]) -> None:
    root, index = built
    out = root / ".build" / "artefacts"

    def moments() -> dict[str, int]:
        paths = [root / found["path"] for found in index["objects"].values()]
        return {str(path): path.stat().st_mtime_ns for path in paths}

    before = moments()
    assert build(root) == index
    assert moments() == before
    assert (out / "catalog.json").exists()


def test_changed_code_changes_its_packages_and_the_version(
    built: tuple[Path, dict[str, Any]], copied: Path
) -> None:
    root, before = copied, without_paths(built[1])
    with (root / "src" / "medical_charges" / "errors.py").open("a") as file:
        file.write("# changed\n")
    with (root / "lambdas" / "end_run" / "aws.py").open("a") as file:
        file.write("# changed\n")
    after = without_paths(build(root))
    assert after["version"] != before["version"]
    changed = {k for k in after["objects"] if after["objects"][k] != before["objects"][k]}
    assert changed - PACKAGES == {key for key in changed if key.startswith("library/")}
    assert changed >= PACKAGES


def test_another_contract_makes_another_catalog_and_version(
    built: tuple[Path, dict[str, Any]], copied: Path
) -> None:
    root, before = copied, without_paths(built[1])
    shutil.copy(VISITS_CONTRACT_FILE, root / "datasets" / "visits.yaml")
    after = without_paths(build(root, "datasets/visits.yaml"))
    assert after["version"] != before["version"]
    assert all(after["objects"][key] == before["objects"][key] for key in PACKAGES)
    catalog = json.loads((root / ".build" / "artefacts" / "catalog.json").read_text())
    assert not any(table["name"] == "charges_by_age" for table in catalog)
    rulesets = json.loads((root / ".build" / "artefacts" / "rulesets.json").read_text())
    assert rulesets.keys() == {"input", *(table["name"] for table in catalog)}


def test_a_folder_that_is_no_builds_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BuildError, match="holds something else"):
        Build(ROOT, tmp_path, CONTRACT_FILE, laptop=True).run()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_artifacts_of_an_earlier_build_are_removed(built: tuple[Path, dict[str, Any]]) -> None:
    stray = built[0] / ".build" / "artefacts" / "glue" / "old.whl"
    stray.parent.mkdir()
    stray.touch()
    build(built[0])
    assert not stray.exists()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_with_its_package_and_lambdas_own_sdk_alone(
    built: tuple[Path, dict[str, Any]], tmp_path: Path, name: str
) -> None:
    root, index = built
    with zipfile.ZipFile(root / index["objects"][f"lambdas/{name}.zip"]["path"]) as archive:
        archive.extractall(tmp_path / "package")
    sdk = tmp_path / "sdk"
    sdk.mkdir()
    for module in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"):
        found = next(Path(p) / module for p in sys.path if (Path(p) / module).exists())
        (sdk / module).symlink_to(found)
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'package')!r}, {str(sdk)!r}]\n"
        "import handler\n"
        "assert callable(handler.handle)\n"
        "heavy = {'polars', 'numpy', 'scipy', 'pyspark'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr


def test_the_step_imports_the_library_from_its_wheel_as_it_is(
    built: tuple[Path, dict[str, Any]],
) -> None:
    # Spark puts the wheel itself on Python's path, as an archive without files on disk.
    root, index = built
    key = next(key for key in index["objects"] if key.startswith("library/"))
    wheel, script = root / index["objects"][key]["path"], root / "glue_jobs" / "analyze.py"
    program = (
        f"import runpy, sys; sys.path.insert(0, {str(wheel)!r})\n"
        f"sys.argv = ['analyze.py', '--help']\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--snapshot" in done.stdout


def test_a_functions_package_is_small_and_holds_no_other_functions_code(
    built: tuple[Path, dict[str, Any]],
) -> None:
    root, index = built
    path = root / index["objects"]["lambdas/plan_run.zip"]["path"]
    assert path.stat().st_size < 10 * 1024 * 1024
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert "handler.py" in names
    assert [name for name in names if name.startswith("lambdas/")] == ["lambdas/settings.py"]


def test_the_function_that_writes_the_page_alone_has_the_script_that_draws_it(
    built: tuple[Path, dict[str, Any]],
) -> None:
    root, index = built
    having = {}
    for key in PACKAGES:
        with zipfile.ZipFile(root / index["objects"][key]["path"]) as archive:
            if DRAWING in archive.namelist():
                having[key] = archive.read(DRAWING).decode()
    assert having == {"lambdas/write_page.zip": make_library()}


def test_each_platform_gets_the_lock_without_its_own_packages() -> None:
    locked = ROOT / "requirements" / "runtime.txt"
    glue = lock.without(locked, lock.BROUGHT_BY_GLUE)
    assert "polars==" in glue
    assert "numpy==" not in glue
    assert "boto3==" not in glue
    everything = lock.without(locked, frozenset())
    assert everything.count("--hash=") == locked.read_text().count("--hash=")
    small = lock.only(locked, lock.NEEDED_BY_LAMBDA)
    assert {line.partition("==")[0] for line in small.splitlines() if "==" in line} == (
        lock.NEEDED_BY_LAMBDA
    )


def test_the_bootstrap_script_installs_offline_by_hash() -> None:
    script = ROOT / "ops" / "build" / "emr_bootstrap.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    assert "--no-index" in text
    assert "--require-hashes" in text


def test_the_bootstrap_script_tries_packages_that_it_installs() -> None:
    script = (ROOT / "ops" / "build" / "emr_bootstrap.sh").read_text()
    [names] = re.findall(r"'import ([\w., ]+)'", script)
    tried = names.split(", ")
    subprocess.run([sys.executable, "-c", f"import {names}"], check=True)
    locked = ROOT / "requirements" / "runtime.txt"
    installed = lock.without(locked, lock.NOT_NEEDED_ON_EMR)
    packages = {
        line.partition("==")[0].replace("-", ".") for line in installed.splitlines() if "==" in line
    }
    assert packages >= set(tried)


def environment_of(folder: Path, packages: Path) -> Path:
    """An archive for EMR Serverless with these packages."""
    archive = folder / "environment.tar.gz"
    python = environment.interpreter(ROOT / ".build" / "cache" / "serverless")
    environment.write_environment(archive, python, packages)
    return archive


def test_the_environment_of_a_job_has_the_same_bytes_wherever_it_is_packed(tmp_path: Path) -> None:
    found = []
    for place in ("one", "two"):
        package = tmp_path / place / "packages" / "toy"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("WHERE = __file__\n")
        found.append(environment_of(tmp_path / place, package.parent).read_bytes())
    assert found[0] == found[1]


def test_the_environment_of_a_job_runs_the_analysis_wherever_it_is_unpacked(
    built: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    root, index = built
    packages = tmp_path / "packages"
    packages.mkdir()
    listed = lock.without(ROOT / "requirements" / "runtime.txt", lock.NOT_NEEDED_ON_EMR)
    wheels.install(listed, packages, for_lambda=False)
    (tmp_path / "environment").mkdir()
    archive = environment_of(tmp_path, packages)
    unpack = ["tar", "-xzf", str(archive), "-C", str(tmp_path / "environment")]
    subprocess.run(unpack, check=True)
    store, contract = LocalStore(tmp_path / "lake"), load_contract(CONTRACT_FILE)
    upload(store, contract, {"Charges.csv": CHARGES_FILE.read_bytes()})
    plan(store, contract)
    layout, key = Layout(contract.prefix), "library/medical_charges-0.1.0-py3-none-any.whl"
    # As Spark's executors take it for a package.
    library = shutil.copy(root / index["objects"][key]["path"], tmp_path / "library.zip")
    python, script = tmp_path / "environment/bin/python", root / "glue_jobs" / "analyze.py"
    snapshot = f"file://{tmp_path}/lake/{layout.snapshot('run')}"
    done = subprocess.run(
        [
            str(python), "-s", str(script), "--store", f"file://{tmp_path}/lake",
            "--contract", str(CONTRACT_FILE), "--run-id", "run", "--snapshot", snapshot,
        ],
        env={"PYTHONPATH": str(library)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = staged(store, contract)
    run(store, contract, "here")
    assert made == staged(store, contract, "here")


def test_a_certificate_is_made_once_and_renewed_before_it_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography import x509

    path = certificate.certificates(tmp_path / "certificates.zip")
    first = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [
            "certificateChain.pem",
            "privateKey.pem",
            "trustedCertificates.pem",
        ]
        found = x509.load_pem_x509_certificate(archive.read("certificateChain.pem"))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "*.ec2.internal" in names.get_values_for_type(x509.DNSName)
    assert found.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)
    assert path.stat().st_mode & 0o077 == 0
    # Of the regions with EMR: one of the oldest, one of the newest, one of another partition.
    regions = {"eu-central-1", "mx-central-1", "us-gov-west-1"}
    assert {f"*.{region}.compute.internal" for region in regions} <= set(
        names.get_values_for_type(x509.DNSName)
    )
    assert certificate.certificates(path).read_bytes() == first
    monkeypatch.setattr(certificate, "_RENEWED_BEFORE", timedelta(days=366))
    assert certificate.certificates(path).read_bytes() != first


def test_a_certificate_that_lacks_a_region_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(certificate, "node_names", lambda: ["*.ec2.internal"])
        path = certificate.certificates(tmp_path / "certificates.zip")
        first = path.read_bytes()
    assert certificate.certificates(path).read_bytes() != first
