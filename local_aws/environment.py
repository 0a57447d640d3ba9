"""Environment variables with which a process uses the local endpoint as AWS."""

from __future__ import annotations

import os
from pathlib import Path

REGION = "us-east-1"
ACCOUNT = "123456789012"

# Unimplemented operations answer 500, and each one is asked again: keep that short.
_ATTEMPTS = "4"

MIRROR_FOLDER = "registry.terraform.io"

# Terraform and its provider hold the schemas of all of AWS: to look through them for garbage as
# often as Go does by itself takes a third of their time.
_FEWER_COLLECTIONS = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}


def aws(endpoint: str) -> dict[str, str]:
    """Return variables for boto3, the AWS CLI, Terraform's provider and Spark's processes."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": _ATTEMPTS,
        # A profile or an instance role of this machine must not get in.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def terraform(state: Path) -> dict[str, str]:
    """Return variables for Terraform; they let `terraform init` use a local mirror of providers."""
    variables = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", **_FEWER_COLLECTIONS}
    given = os.environ.get("TF_CLI_CONFIG_FILE")
    if given and Path(given).is_file():
        return variables
    mirror = provider_mirror()
    if mirror is None:
        return variables
    configuration = state / "terraform.rc"
    configuration.write_text(
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{mirror}"\n'
        f'    include = ["{MIRROR_FOLDER}/*/*"]\n  }}\n'
        f'  direct {{\n    exclude = ["{MIRROR_FOLDER}/*/*"]\n  }}\n'
        "}\n"
    )
    return variables | {"TF_CLI_CONFIG_FILE": str(configuration)}


def provider_mirror() -> Path | None:
    """Return a folder with providers that Terraform would not search by itself, if there is one.

    Terraform's implied folders need no configuration, so they are only searched to skip them.
    """
    given = os.environ.get("TF_PLUGIN_DIR")
    if given:
        return Path(given)
    if any((folder / MIRROR_FOLDER).is_dir() for folder in _implied_folders()):
        return None
    return next(
        (found.parent for found in sorted(Path("/opt").glob(f"*/{MIRROR_FOLDER}"))),
        None,
    )


def _implied_folders() -> list[Path]:
    home = Path.home()
    data = os.environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    shared = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return [
        home / ".terraform.d/plugins",
        *(Path(folder) / "terraform/plugins" for folder in [data, *shared]),
    ]
