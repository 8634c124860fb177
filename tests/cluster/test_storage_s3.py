from __future__ import annotations

import pytest

from tests.unit.storage_contract import StorageContract


class TestS3(StorageContract):
    @pytest.fixture
    def root(self, s3_folder: str) -> str:
        return s3_folder
