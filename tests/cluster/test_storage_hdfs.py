from __future__ import annotations

from uuid import uuid4

import pytest

from tests.cluster.hadoop.cluster import Hadoop
from tests.unit.storage_contract import StorageContract


class TestHdfs(StorageContract):
    @pytest.fixture
    def root(self, hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, value in hadoop.env.items():
            monkeypatch.setenv(name, value)
        return f"{hadoop.hdfs_uri}/contract/{uuid4().hex}"
