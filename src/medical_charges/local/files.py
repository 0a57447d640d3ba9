"""Files and folders as input: which of them are data, and a store that holds links to them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from medical_charges.analysis.parquet_scan import refuse_by_first_rows
from medical_charges.analysis.snapshot import Snapshot, check_new_objects, list_input, read_headers
from medical_charges.contract import Contract
from medical_charges.draft.sample import header_of
from medical_charges.errors import InputRefusedError
from medical_charges.layout import Layout
from medical_charges.local.ends import wrong_ends
from medical_charges.storage import LocalStore, Store

_NAMED = 10

PARQUET = ".parquet"
DATA = (".csv", ".csv.gz", PARQUET)
"""The ends of the names of files that are data."""
_SUFFIXES = ".csv, .csv.gz or .parquet"


def data_files(source: Path) -> dict[str, Path]:
    """Return the data files of a source, by their names below it.

    Raises:
        InputRefusedError: the source is missing or holds no data file, or a file's name is no text.
    """
    if source.parts[:1] == ("s3:",):
        raise InputRefusedError(
            f"{'s3://' + '/'.join(source.parts[1:])!r} is in a bucket, and a file or a folder of "
            f"this machine was expected: `aws s3 cp` brings it here"
        )
    if not source.exists():
        raise InputRefusedError(f"there is no file or folder {str(source)!r}")
    found, others = ({source.name: source}, []) if source.is_file() else _parted(source)
    for name in found:
        if any("\udc80" <= character <= "\udcff" for character in name):
            raise InputRefusedError(f"the name {name!r} is not UTF-8; rename the file")
    if not found:
        more = f", but {_some(others)}" if others else ""
        raise InputRefusedError(f"the folder {str(source)!r} holds no {_SUFFIXES} file{more}")
    return found


def unread_files(source: Path) -> str:
    """Return a sentence about the files of a folder that are not read, empty if there are none.

    Files that no program reads as data, by their names, are left out.
    """
    others = _parted(source)[1] if source.is_dir() else []
    if not others:
        return ""
    read = _SUFFIXES.replace(" or ", " and ")
    return f"only {read} files of {str(source)!r} are read, not {_some(others)}"


def _parted(source: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the data files of a folder, and the names of its other files."""
    files = {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }
    data = {n: path for n, path in files.items() if n.lower().endswith(DATA)}
    others = [
        name
        for name in files.keys() - data.keys()
        if not any(part.startswith((".", "_")) for part in name.split("/"))
    ]
    return data, sorted(others)


def _some(names: list[str]) -> str:
    """Return the number of files and the names of the first ones."""
    named = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} other file{'s' if len(names) > 1 else ''} ({named}{more})"


def refuse_wrong_files(files: Mapping[str, Path], contract: Contract) -> None:
    """Check headers and first rows of files as PlanRun does, and their ends.

    Raises:
        InputRefusedError: a file cannot be analyzed, and the message names every such file; or a
            column identifies people.
    """
    with store_of(files, contract) as store:
        snapshot = snapshot_of(store, files, contract)
        if contract.source.is_parquet:
            new = read_headers(store, contract, snapshot.objects)
            refuse_by_first_rows(store, contract, new)


def snapshot_of(store: Store, files: Mapping[str, Path], contract: Contract) -> Snapshot:
    """Take the snapshot of a store of files.

    Raises:
        InputRefusedError: as above; the message names the way out where most columns differ.
    """
    try:
        snapshot = list_input(store, contract)
        _check(store, contract, snapshot)
        return snapshot
    except InputRefusedError as error:
        if not any(_is_other_data(name, path, contract) for name, path in files.items()):
            raise
        source = shlex.quote(os.path.commonpath(files.values()))
        raise InputRefusedError(
            f"{error}\nmost columns of the contract are missing; `make contract INPUT={source}` or "
            f"`medical-charges contract {source}` writes another contract"
        ) from error


def _check(store: Store, contract: Contract, snapshot: Snapshot) -> None:
    """Check starts and ends, so that one message names every wrong file."""
    ends = wrong_ends(store, contract, snapshot)
    try:
        check_new_objects(store, contract, snapshot)
    except InputRefusedError as error:
        raise InputRefusedError("\n".join([str(error), *ends])) from error
    if ends:
        raise InputRefusedError("\n".join(ends))


def _is_other_data(name: str, path: Path, contract: Contract) -> bool:
    """Return True if a contract could be drafted for a file without most of the columns."""
    try:
        fields = header_of(name, path)
    except InputRefusedError:
        return False
    found = set(map(contract.source.column_called, fields)) - {None}
    return 2 * len(found) < len(contract.source.columns)


@contextmanager
def store_of(files: Mapping[str, Path], contract: Contract) -> Iterator[LocalStore]:
    """Make a store for as long as it is used, whose input are links to files."""
    with TemporaryDirectory(prefix="medical_charges_") as folder:
        for name, path in files.items():
            link = Path(folder, Layout(contract.prefix).input, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
        yield LocalStore(folder)
