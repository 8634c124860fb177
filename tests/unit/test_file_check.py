"""Every file is looked at once: what is broken is named with its fault, the rest is counted and hashed."""

from __future__ import annotations

import gzip
import hashlib
import os
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurify.config.columns import parse_columns
from aurify.errors import ConfigurationError
from aurify.sources import (
    CheckedFile,
    FileProblem,
    FolderOptions,
    SourceFile,
    check_file,
    check_files,
    list_files,
    stat_unchanged,
)
from aurify.sources.listing import stat_file
from aurify.sources.record_count import MOST_FIELDS, RecordCounter

CSV = FolderOptions("csv", parse_columns("a string, b int, c string"))
PARQUET = FolderOptions("parquet", parse_columns("a bigint, b string"))
TEXT = b"a,b,c\n1,2,3\n4,5,6\n"
Check = Callable[..., CheckedFile | FileProblem]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Writes one file and checks it."""

    def checked(content: bytes, name: str = "file.csv", options: FolderOptions = CSV) -> CheckedFile | FileProblem:
        (tmp_path / name).write_bytes(content)
        return check_file(tmp_path, stat_file(tmp_path, name), options)

    return checked


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue().to_pybytes())


def records(result: CheckedFile | FileProblem) -> int:
    assert isinstance(result, CheckedFile), result
    return result.records


def kind(result: CheckedFile | FileProblem) -> str:
    assert isinstance(result, FileProblem), result
    assert result.found
    assert result.expected
    return result.kind


def test_a_good_file_is_counted_and_hashed_as_it_lies_there(check: Check) -> None:
    zipped = gzip.compress(TEXT)
    for content, name in ((TEXT, "file.csv"), (zipped, "file.csv.gz")):
        result = check(content, name)
        assert isinstance(result, CheckedFile)
        assert (result.path, result.size, result.records) == (name, len(content), 2)
        assert result.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"a,b,c\n", 0),
        (b"a,b,c", 0),
        (b"a,b,c\n1,2,3", 1),
        (b"a,b,c\r\n1,2,3\r\n\r\n4,5,6\r\n", 2),
        (b"a,b,c\r1,2,3\r4,5,6", 2),
        (b"\n \t\na,b,c\n\n\n  \n1,2,3\n \x01\n\n4,5,6\n\n", 2),
        (b'a,b,c\n"x\ny",2,3\n', 2),
        (b"a,b,c\n,,\n", 1),
        (b"\xef\xbb\xbfa,b,c\n1,2,3\n", 1),
        (b"\xef\xbb\xbf\na,b,c\n1,2,3\n", 1),
        (b'"a","b",c\n1,2,3\n', 1),
    ],
)
def test_records_are_counted_as_spark_reads_them(check: Check, content: bytes, count: int) -> None:
    assert records(check(content)) == count
    assert records(check(gzip.compress(content), "file.csv.gz")) == count


def test_a_file_without_a_header_is_counted_whole(check: Check) -> None:
    options = FolderOptions("csv", CSV.columns, header=False)
    assert records(check(b"1,2,3\n4,5,6\n", options=options)) == 2


def test_gzip_of_several_members_is_one_text(check: Check) -> None:
    members = [gzip.compress(part) for part in (b"", b"a,b", b",c\n1,2,3\n", b"4,5,6\n", b"")]
    assert records(check(b"".join(members), "file.csv.gz")) == 2


PIECES = st.sampled_from([b"a", b",", b" ", b"\n", b"\r", b"\r\n", b'"', b"\x01", b"\xc3\xa9"])


@given(st.lists(PIECES, max_size=30), st.lists(st.integers(0, 5), min_size=1).filter(any))
def test_where_the_chunks_are_cut_does_not_matter(pieces: list[bytes], steps: list[int]) -> None:
    text = b"".join(pieces)
    lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    expected = sum(1 for line in lines if line.strip(bytes(range(0x21))))
    for has_header in (True, False):
        counter = RecordCounter(b",", has_header)
        at = 0
        for step in cycle(steps):
            counter.feed(text[at : at + step])
            at += step
            if at >= len(text):
                break
        counter.finish()
        assert counter.records == max(0, expected - has_header)
        assert (counter.header is not None) == (has_header and expected > 0)


ZIPPED = gzip.compress(TEXT * 50)
FAULTS = {
    "zero_bytes": [(b"", "x.csv"), (b"", "x.csv.gz"), (gzip.compress(b""), "x.csv.gz")],
    "wrong_magic": [
        (TEXT, "x.csv.gz"),
        (ZIPPED, "x.csv"),
        (gzip.compress(ZIPPED), "x.csv.gz"),
        (ZIPPED, "x.csv.GZ"),
        (b"PK\x03\x04 and more", "x.csv"),
    ],
    "truncated": [(ZIPPED[:-1], "x.csv.gz"), (ZIPPED[:-9], "x.csv.gz"), (ZIPPED[:1], "x.csv.gz")],
    "corrupt": [
        (ZIPPED[:-8] + b"\1\2\3\4" + ZIPPED[-4:], "x.csv.gz"),
        (ZIPPED + b"more", "x.csv.gz"),
        (ZIPPED + bytes(20), "x.csv.gz"),
        (ZIPPED[:20] + b"\xff\xff\xff\xff" + ZIPPED[24:], "x.csv.gz"),
    ],
    "wrong_encoding": [
        (b"a,b,c\n1,2,caf\xe9\n", "x.csv"),
        (b"a,b,c\n1,2,caf\xc3", "x.csv"),
        (b"a,b,c\n1,\0,3\n", "x.csv"),
        (gzip.compress("a,b,c\n1,2,3\n".encode("utf-16")), "x.csv.gz"),
        ("a,b,c\n1,2,3\n".encode("utf-16-le"), "x.csv"),
    ],
    "wrong_header": [
        (b"a,c,b\n1,2,3\n", "x.csv"),
        (b"a,b\n1,2\n", "x.csv"),
        (b"a,b,C\n1,2,3\n", "x.csv"),
        (b"a;b;c\n1;2;3\n", "x.csv"),
        (b"1,2,3\n4,5,6\n", "x.csv"),
        (b" \n\n", "x.csv"),
        (b"\xef\xbb\xbf", "x.csv"),
    ],
    "unknown_compression": [(b"BZh9", "x.csv.bz2"), (b"anything", "x.csv.zst")],
    "too_long_line": [
        (TEXT + b"," * MOST_FIELDS + b"\n1,2,3\n", "x.csv"),
        (TEXT + b"1,2,3\n" * 80_000 + b"," * MOST_FIELDS, "x.csv"),
        (TEXT + b"x" * (17 << 20), "x.csv"),
    ],
}


@pytest.mark.parametrize(("fault", "planted"), [(fault, each) for fault, all_ in FAULTS.items() for each in all_])
def test_a_planted_fault_is_named(check: Check, fault: str, planted: tuple[bytes, str]) -> None:
    assert kind(check(*planted)) == fault


def test_a_line_with_as_many_fields_as_spark_can_hold_passes(check: Check) -> None:
    assert records(check(TEXT + b"," * (MOST_FIELDS - 1) + b"\n")) == 3


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"a,b,d", ["missing: c", "not declared: d"]),
        (b"b,a,c", ["another order"]),
        (b"a;b;c", ["delimited by ';'"]),
    ],
)
def test_a_wrong_header_is_told_with_the_way_on(check: Check, header: bytes, words: list[str]) -> None:
    problem = check(header + b"\n")
    assert isinstance(problem, FileProblem)
    assert all(word in problem.found + problem.hint for word in words), problem.hint
    assert "a,b,c" in problem.expected


def test_a_wrong_byte_is_told_with_its_line(check: Check) -> None:
    problem = check(TEXT + b"1,2,3\n" * 100_000 + b"1,2,\xe9\n")
    assert isinstance(problem, FileProblem)
    assert problem.found == "the byte 0xE9 in line 100004"


def test_other_encodings_are_read_as_declared(check: Check) -> None:
    for name, text in {
        "ISO-8859-1": "é",
        "windows-1251": "ж",
        "GBK": "中文",
        "Shift_JIS": "日本",
        "GB18030": "€",
    }.items():
        options = FolderOptions("csv", CSV.columns, encoding=name)
        assert records(check(f"a,b,c\n{text},2,3\n".encode(name), options=options)) == 1
    options = FolderOptions("csv", CSV.columns, encoding="GBK")
    assert kind(check(b"a,b,c\n1,2,\xff\n", options=options)) == "wrong_encoding"


def test_another_delimiter_is_read_as_declared(check: Check) -> None:
    options = FolderOptions("csv", CSV.columns, delimiter="\t")
    assert records(check(b"a\tb\tc\n1\t2\t\n", options=options)) == 1


def test_a_file_that_changes_meanwhile_is_left_for_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(TEXT)
    listed = stat_file(tmp_path, "x.csv")
    (tmp_path / "x.csv").write_bytes(TEXT + b"7,8,9\n")
    assert kind(check_file(tmp_path, listed, CSV)) == "changed"
    assert stat_unchanged(tmp_path, [listed]) == ["x.csv"]
    listed = stat_file(tmp_path, "x.csv")
    assert stat_unchanged(tmp_path, [listed]) == []
    os.utime(tmp_path / "x.csv", ns=(0, 5_000_000))
    assert kind(check_file(tmp_path, listed, CSV)) == "changed"
    (tmp_path / "x.csv").unlink()
    assert kind(check_file(tmp_path, listed, CSV)) == "unreadable"
    assert stat_unchanged(tmp_path, [listed]) == ["x.csv"]


def test_bad_files_do_not_keep_good_ones_back(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.csv").write_bytes(TEXT if number % 5 else b"")
    good, bad = check_files(tmp_path, list_files(tmp_path, CSV), CSV, workers=4)
    assert [file.path for file in bad] == ["00.csv", "05.csv", "10.csv", "15.csv"]
    assert [file.path for file in good] == sorted({f"{n:02}.csv" for n in range(20)} - {file.path for file in bad})
    assert check_files(tmp_path, [], CSV) == ([], [])


def test_a_large_file_is_never_held_in_memory(tmp_path: Path) -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"1,2,3\n" * 200_000
    with (tmp_path / "bomb.csv.gz").open("wb") as out:
        out.write(squeezer.compress(b"a,b,c\n"))
        for _ in range(20):
            out.write(squeezer.compress(body))
        out.write(squeezer.flush())
    file = stat_file(tmp_path, "bomb.csv.gz")
    tracemalloc.start()
    try:
        assert records(check_file(tmp_path, file, CSV)) == 4_000_000
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


GOOD = pa.table({"b": ["x", None, "z"] * 40_000, "a": pa.array(range(120_000), pa.int32())})


def test_a_good_parquet_file_is_counted(check: Check) -> None:
    content = parquet(GOOD, row_group_size=50_000)
    result = check(content, "x.parquet", PARQUET)
    assert records(result) == 120_000
    assert isinstance(result, CheckedFile)
    assert result.sha256 == hashlib.sha256(content).hexdigest()
    assert records(check(parquet(GOOD.slice(0, 0)), "x.parquet", PARQUET)) == 0


def test_a_fault_of_a_parquet_file_is_named(check: Check) -> None:
    whole = parquet(GOOD, compression="snappy", write_page_checksum=True)
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    footer = bytearray(whole)
    footer[-60:-30] = b"\xff" * 30
    renamed = GOOD.rename_columns(["b", "A"])
    faults = {
        "zero_bytes": [b""],
        "wrong_magic": [TEXT, gzip.compress(whole)],
        "no_footer": [whole[:-20], b"PAR1", b"PAR1PAR1", bytes(footer)],
        "corrupt": [bytes(broken)],
        "wrong_header": [
            parquet(GOOD.drop_columns(["b"])),
            parquet(GOOD.append_column("c", GOOD["a"])),
            parquet(renamed),
        ],
        "unreadable": [
            parquet(pa.table({"a": pa.array([1], pa.time64("us")), "b": ["x"]})),
            parquet(GOOD, compression="brotli"),
            parquet(
                pa.table({"a": [1.5], "b": ["x"]}), use_dictionary=False, column_encoding={"a": "BYTE_STREAM_SPLIT"}
            ),
        ],
    }
    for fault, contents in faults.items():
        for content in contents:
            assert kind(check(content, "x.parquet", PARQUET)) == fault


def test_files_are_found_by_pattern_and_unfinished_ones_are_not(tmp_path: Path) -> None:
    names = [
        "b.csv",
        "a.csv.gz",
        "d/c.csv",
        "d/e/f.csv",
        ".h.csv",
        "_SUCCESS",
        "x.csv.tmp",
        ".b.csv.crc",
        "_t/g.csv",
        "n.txt",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)
    (tmp_path / "d" / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "gone")

    def found(pattern: str) -> list[str]:
        files = list_files(tmp_path, FolderOptions("csv", CSV.columns, pattern))
        assert all(file == stat_file(tmp_path, file.path) for file in files)
        return [file.path for file in files]

    assert found("**/*") == ["a.csv.gz", "b.csv", "d/c.csv", "d/e/f.csv", "n.txt"]
    assert found("*.csv*") == ["a.csv.gz", "b.csv"]
    assert found("**/*.csv") == ["b.csv", "d/c.csv", "d/e/f.csv"]
    assert found("*/*.csv") == ["d/c.csv"]
    assert found("d/**") == ["d/c.csv", "d/e/f.csv"]
    assert found("[!b].cs?") == []
    assert found("[ab].cs?") == ["b.csv"]


def test_a_folder_that_is_not_there_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(TEXT)
    for root in (tmp_path / "landing", tmp_path / "file", "gs://cluster/landing"):
        with pytest.raises(ConfigurationError, match=r"sources.* in conf/<environment>/settings.yml") as told:
            list_files(root, CSV)
        assert str(root) in str(told.value)


def test_mistakes_of_the_options_are_told_all_at_once() -> None:
    columns = parse_columns("a array<int>, _source_row bigint")
    options = FolderOptions("csv", columns, "../*.csv", ";;", "UTF-16")
    assert [problem.key for problem in options.problems()] == ["_source_row", "pattern", "a", "encoding", "delimiter"]
    with pytest.raises(ConfigurationError, match="5 problems"):
        options.refuse_mistakes()
    assert FolderOptions("csv", CSV.columns, encoding="latin-1").problems() == []


def test_a_name_that_spark_cannot_take_is_a_problem_of_its_file(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.csv", "wb") as out:
        out.write(TEXT)
    (file,) = list_files(tmp_path, CSV)
    assert kind(check_file(tmp_path, file, CSV)) == "unreadable_name"
    assert kind(check_file(tmp_path, SourceFile("1:00 [a].csv", 5, 0), CSV)) == "unreadable_name"
    assert kind(check_file(tmp_path, SourceFile("gone.csv", 5, 0), CSV)) == "unreadable"
