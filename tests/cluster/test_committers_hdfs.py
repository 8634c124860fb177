from __future__ import annotations

import pytest

from tests.integration.committer_contract import CommitterContract


class TestOnHdfs(CommitterContract):
    table_name = "a_table"  # the settings refuse a URI of tables with a space: delta-rs does not find it again

    @pytest.fixture
    def root(self, hdfs_folder: str) -> str:
        return hdfs_folder
