from __future__ import annotations

from pathlib import Path

import pytest

from aurify.errors import ConfigurationError
from aurify.storage import Storage, is_local, scheme_of
from aurify.storage.objects import ObjectStore
from aurify.storage.paths import authority_of, inside
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


class TestObjects(StorageContract):
    """The store of S3 over obstore's own store in memory; a real server is of the cluster tier."""

    @pytest.fixture
    def root(self, monkeypatch: pytest.MonkeyPatch) -> str:
        from obstore.store import MemoryStore

        store = ObjectStore("s3://bucket", MemoryStore())
        monkeypatch.setattr("aurify.storage.storage._connected", lambda authority: store)
        return "s3://bucket/lake"


@pytest.mark.parametrize(
    ("path", "authority", "rest"),
    [
        ("hdfs://host:8020/a/b c%", "hdfs://host:8020", "/a/b c%"),
        ("hdfs:///lake", "hdfs://", "/lake"),
        ("hdfs:/lake", "hdfs://", "/lake"),
        ("s3a://bucket", "s3a://bucket", "/"),
    ],
)
def test_uris_are_taken_apart_as_hadoop_does(path: str, authority: str, rest: str) -> None:
    assert (authority_of(path), inside(path)) == (authority, rest)
