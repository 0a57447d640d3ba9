"""A pipeline on AWS within this process."""

from __future__ import annotations

import pytest

from medical_charges.storage import S3Store
from tests.functions import Pipeline, deploy


@pytest.fixture
def pipeline(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Everything the functions need, and the real file in the input."""
    return deploy(bucket, real_file, monkeypatch)
