from __future__ import annotations

from uuid import uuid4

import pytest

from tests.cluster.hadoop.cluster import Hadoop
from tests.integration.committer_contract import CommitterContract


class TestOnHdfs(CommitterContract):
    @pytest.fixture
    def root(self, hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, value in hadoop.env.items():
            monkeypatch.setenv(name, value)
        return f"{hadoop.hdfs_uri}/committers/{uuid4().hex}"
