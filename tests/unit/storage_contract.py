"""What every store does, whatever it lies on: the same tests for the local disk, HDFS and S3."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aurify.storage import Storage, parquet_file, parquet_footer, parquet_rows


class StorageContract:
    """Subclasses give `root`: an empty folder of the store, as a path or URI."""

    @pytest.fixture
    def storage(self) -> Storage:
        return Storage()

    def test_a_file_is_created_whole_and_only_once(self, storage: Storage, root: str) -> None:
        assert storage.create(f"{root}/a/b/log.json", b"first")
        assert not storage.create(f"{root}/a/b/log.json", b"second")
        assert storage.read(f"{root}/a/b/log.json") == b"first"
        assert storage.names(f"{root}/a/b") == ["log.json"]

    def test_of_many_that_create_one_file_one_wins(self, storage: Storage, root: str) -> None:
        contents = [f"writer {number}".encode() for number in range(16)]
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda content: storage.create(f"{root}/claim", content), contents))
        assert sum(won) == 1
        assert storage.read(f"{root}/claim") == contents[won.index(True)]

    def test_a_write_replaces_what_there_is(self, storage: Storage, root: str) -> None:
        for content in (b"one", b"another, longer"):
            storage.write(f"{root}/beat", content)
        assert storage.read(f"{root}/beat") == b"another, longer"
        assert storage.names(root) == ["beat"]

    def test_what_is_not_there_is_told_as_such(self, storage: Storage, root: str) -> None:
        assert storage.read(f"{root}/none") is None
        assert storage.stat(f"{root}/none") is None
        assert storage.names(f"{root}/none") == []
        assert list(storage.files(f"{root}/none", "")) == []
        assert not storage.exists(f"{root}/none")
        storage.remove(f"{root}/none")
        with pytest.raises(FileNotFoundError):
            storage.open(f"{root}/none")

    def test_folders_list_their_visible_entries_and_files_all_below(self, storage: Storage, root: str) -> None:
        for name in ("t/part-1.parquet", "t/deep/part-2.parquet", "t/_log.parquet", "t/.hidden.parquet", "t/x.json"):
            storage.write(f"{root}/{name}", b"12345")
        assert storage.names(f"{root}/t") == ["_log.parquet", "deep", "part-1.parquet", "x.json"]
        found = {path: size for path, size, _ in storage.files(f"{root}/t", ".parquet")}
        assert found == {f"{root}/t/deep/part-2.parquet": 5, f"{root}/t/part-1.parquet": 5}
        assert storage.exists(f"{root}/t")
        assert storage.stat(f"{root}/t") is None

    def test_odd_names_stay_as_they_are(self, storage: Storage, root: str) -> None:
        names = ["a b.csv", "100%.csv", "day=2024-01-01.csv", "é+&.csv", "a%20b.csv"]
        for name in names:
            storage.write(f"{root}/odd/{name}", name.encode())
        assert storage.names(f"{root}/odd") == sorted(names)
        assert [path for path, _, _ in storage.files(f"{root}/odd", ".csv")] == sorted(f"{root}/odd/{n}" for n in names)
        assert [storage.read(f"{root}/odd/{name}") for name in names] == [name.encode() for name in names]

    def test_a_file_moves_and_a_folder_goes_with_all_in_it(self, storage: Storage, root: str) -> None:
        storage.write(f"{root}/from/a.parquet", b"rows")
        storage.move(f"{root}/from/a.parquet", f"{root}/to/deep/a.parquet")
        assert storage.read(f"{root}/to/deep/a.parquet") == b"rows"
        assert not storage.exists(f"{root}/from/a.parquet")
        storage.remove(f"{root}/to")
        assert not storage.exists(f"{root}/to/deep/a.parquet")
        assert not storage.exists(f"{root}/to")

    def test_ages_are_those_of_the_youngest(self, storage: Storage, root: str) -> None:
        storage.write(f"{root}/young/a", b"")
        assert -5 < storage.age_seconds(f"{root}/young") < 60
        assert -5 < storage.age_seconds(f"{root}/young/a") < 60

    def test_an_upload_is_the_file(self, storage: Storage, root: str, tmp_path: Path) -> None:
        content = bytes(range(256)) * 40_000
        (tmp_path / "big.bin").write_bytes(content)
        storage.upload(tmp_path / "big.bin", f"{root}/new/folder/big.bin")
        stat = storage.stat(f"{root}/new/folder/big.bin")
        assert stat is not None
        assert stat.size == len(content)
        with storage.open(f"{root}/new/folder/big.bin") as file:
            file.seek(-5, 2)
            assert file.read() == content[-5:]
            file.seek(300)
            assert file.read(4) == content[300:304]

    def test_parquet_is_read_by_columns_and_footer(self, storage: Storage, root: str, tmp_path: Path) -> None:
        rows = pa.table({"n": list(range(1000)), "text": [f"row {i}" for i in range(1000)]})
        pq.write_table(rows, tmp_path / "rows.parquet", row_group_size=100)
        place = f"{root}/day=2024-01-01/rows.parquet"
        storage.upload(tmp_path / "rows.parquet", place)
        assert parquet_footer(place).num_rows == 1000
        assert parquet_rows(place, ["text"]).equals(rows.select(["text"]))
        assert parquet_rows(place).equals(rows)
        with parquet_file(place) as file:
            assert sum(batch.num_rows for batch in file.iter_batches(columns=["n"])) == 1000
