from __future__ import annotations

from pathlib import Path

import pytest

from aurify.errors import ConfigurationError
from aurify.storage import Storage, is_local, scheme_of
from tests.unit.storage_contract import StorageContract


class TestLocalDisk(StorageContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        (tmp_path / "store").mkdir()
        return str(tmp_path / "store")


def test_schemes_tell_the_store() -> None:
    assert [scheme_of(path) for path in ("/a/b", "a", "hdfs://n:1/a", "S3A://bucket/a", "file:/a")] == [
        "file",
        "file",
        "hdfs",
        "s3a",
        "file",
    ]
    assert is_local("/a")
    assert not is_local("hdfs://n/a")


def test_a_store_that_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="file system 'gs'") as told:
        Storage().read("gs://bucket/a")
    assert "hdfs, s3, s3a" in str(told.value)
