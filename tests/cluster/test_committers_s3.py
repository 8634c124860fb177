from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from tests.integration.committer_contract import CommitterContract

WRITERS = 24


class TestOnS3(CommitterContract):
    @pytest.fixture
    def root(self, s3_folder: str) -> str:
        return s3_folder


def test_of_many_commits_of_one_version_one_takes_place_and_none_is_lost(s3_folder: str) -> None:
    table, once = f"{s3_folder}/table", CommitProperties(max_commit_retries=0)
    write_deltalake(table, pa.table({"n": [-1]}))

    def commit(number: int) -> bool:
        try:
            write_deltalake(table, pa.table({"n": [number]}), mode="append", commit_properties=once)
        except CommitFailedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, done in enumerate(pool.map(commit, range(WRITERS))) if done]
    made = DeltaTable(table)
    assert 0 < len(won) < WRITERS, "some met"
    assert made.version() == len(won)
    assert sorted(made.to_pyarrow_table()["n"].to_pylist()) == [-1, *won]
