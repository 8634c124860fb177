from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from aurify.storage import Storage
from tests.unit.storage_contract import StorageContract


class TestS3(StorageContract):
    @pytest.fixture
    def root(self, s3_folder: str) -> str:
        return s3_folder

    def test_markers_of_folders_are_no_files(self, storage: Storage, root: str, spark: SparkSession) -> None:
        jvm = spark._jvm
        assert jvm is not None
        for name in ("made", "made/within.csv", "empty"):
            path = jvm.org.apache.hadoop.fs.Path(f"{root}/{name}")
            assert path.getFileSystem(spark._jsc.hadoopConfiguration()).mkdirs(path)
        storage.write(f"{root}/made/rows.csv", b"rows")
        storage.write(f"{root}/made/none.csv", b"")
        assert storage.names(f"{root}/made") == ["none.csv", "rows.csv", "within.csv"]
        assert storage.names(f"{root}/empty") == []
        assert [(path, size) for path, size, _ in storage.files(root, ".csv")] == [
            (f"{root}/made/none.csv", 0),
            (f"{root}/made/rows.csv", 4),
        ]
        assert storage.exists(f"{root}/empty")
        assert storage.age_seconds(f"{root}/empty") == 0
