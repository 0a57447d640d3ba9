"""Reading a contract from a file or from an object."""

from __future__ import annotations

from pathlib import PurePosixPath

from medical_charges.contract import Contract, load_contract, parse_contract
from medical_charges.errors import ContractError, ObjectMissingError
from medical_charges.storage import local_path, open_store


def read_contract(uri: str) -> Contract:
    """Read the contract at a path, a `file://` or an `s3://` URI.

    Raises:
        ContractError: it is missing, is not YAML, or contradicts itself or the schema.
    """
    if not uri.startswith("s3://"):
        return load_contract(local_path(uri))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        text = open_store(f"s3://{bucket}").read(key).decode("utf-8")
    except (ObjectMissingError, UnicodeDecodeError) as error:
        raise ContractError(f"{uri}: cannot be read as a contract: {error}") from error
    return parse_contract(text, origin=PurePosixPath(key).name)
