from __future__ import annotations

import pytest

from tests.unit.storage_contract import StorageContract


class TestHdfs(StorageContract):
    @pytest.fixture
    def root(self, hdfs_folder: str) -> str:
        return hdfs_folder
