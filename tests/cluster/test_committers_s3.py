from __future__ import annotations

import pytest

from tests.integration.committer_contract import CommitterContract


class TestOnS3(CommitterContract):
    @pytest.fixture
    def root(self, s3_folder: str) -> str:
        return s3_folder
