from __future__ import annotations

import pytest

from tests.integration.committer_contract import CommitterContract


class TestOnHdfs(CommitterContract):
    @pytest.fixture
    def root(self, hdfs_folder: str) -> str:
        return hdfs_folder
