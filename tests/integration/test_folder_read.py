"""Files become rows: every value as it stands, every row with its file, its place and its delivery."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from aurify.config.columns import parse_columns
from aurify.sources import CheckedFile, Delivery, FolderOptions, check_files, list_files, read_files
from aurify.sources.csv_scan import task_count
from aurify.sources.encodings import JAVA_NAMES
from aurify.sources.record_count import MOST_FIELDS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CSV = FolderOptions("csv", parse_columns("a string, b int, c string"))
RETAIL = Path(__file__).parents[3] / "shared" / "data" / "online_retail" / "by-day"
TILL = "InvoiceNo string, StockCode string, Description string, Quantity int, InvoiceDate timestamp, \
UnitPrice decimal(12,4), CustomerID string, Country string"


def first_deliveries(files: Sequence[CheckedFile]) -> list[Delivery]:
    return [Delivery(file.path, 1, file.modified_ms) for file in files]


def checked(root: Path, options: FolderOptions = CSV) -> list[CheckedFile]:
    good, bad = check_files(root, list_files(root, options), options)
    assert bad == []
    return good


def read(spark: SparkSession, root: Path, options: FolderOptions = CSV) -> DataFrame:
    return read_files(spark, root, first_deliveries(checked(root, options)), options)


def in_order(rows: DataFrame) -> list[tuple[object, ...]]:
    return [tuple(row) for row in rows.orderBy("_source_file", "_source_row").collect()]


def test_every_row_says_where_it_is_from(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b,c\n1,2,3\n\n4,five,\n")
    (tmp_path / "y.csv.gz").write_bytes(gzip.compress(b'a,b,c\n"",x ""y"", z\n'))
    (tmp_path / "z.csv").write_bytes(b"a,b,c\n")
    deliveries = [Delivery("x.csv", 1, 1_000), Delivery("y.csv.gz", 3, 1_700_000_000_123), Delivery("z.csv", 1, 0)]
    rows = read_files(spark, tmp_path, deliveries, CSV)
    assert rows.dtypes[3:] == [
        ("_source_file", "string"),
        ("_source_row", "bigint"),
        ("_delivery", "int"),
        ("_delivered_at", "timestamp"),
        ("_malformed", "string"),
    ]
    utc = rows.withColumn("_delivered_at", F.col("_delivered_at").cast("string"))
    assert in_order(utc) == [
        ("1", "2", "3", "x.csv", 1, 1, "1970-01-01 00:00:01", None),
        ("4", "five", None, "x.csv", 2, 1, "1970-01-01 00:00:01", None),
        (None, 'x ""y""', " z", "y.csv.gz", 1, 3, "2023-11-14 22:13:20.123", None),
    ]
    one = read_files(spark, tmp_path, deliveries[1:2], CSV)
    assert one.dtypes == rows.dtypes
    assert in_order(one) == in_order(rows.filter("_source_file = 'y.csv.gz'"))
    none = read_files(spark, tmp_path, [], CSV)
    assert none.dtypes == rows.dtypes
    assert none.collect() == []


def test_a_record_of_another_shape_is_kept_and_marked(spark: SparkSession, tmp_path: Path) -> None:
    lines = [b"a,b,c", b"1,2", b"1,2,3,4", b",,", b'"open,2,3', b'"1","2","x ""q"" y"', b'1,"2', b'3",x', b"\\,\\\\,1"]
    (tmp_path / "x.csv").write_bytes(b"\r\n".join(lines))
    rows = read(spark, tmp_path)
    assert in_order(rows.select("a", "b", "c", "_malformed", "_source_file", "_source_row")) == [
        ("1", "2", None, "1,2", "x.csv", 1),
        ("1", "2", "3", "1,2,3,4", "x.csv", 2),
        (None, None, None, None, "x.csv", 3),
        ("open,2,3", None, None, '"open,2,3', "x.csv", 4),
        ("1", "2", 'x "q" y', None, "x.csv", 5),
        ("1", "2", None, '1,"2', "x.csv", 6),
        ('3"', "x", None, '3",x', "x.csv", 7),
        ("\\", "\\\\", "1", None, "x.csv", 8),
    ]
    # Spark itself misses them where only some columns are asked for.
    assert rows.filter("_malformed IS NOT NULL").count() == 5
    assert [r[0] for r in rows.filter("_malformed IS NOT NULL AND a = '1'").select("_source_row").collect()] == [
        1,
        2,
        6,
    ]


def test_places_are_right_whatever_is_asked_of_the_rows(spark: SparkSession, tmp_path: Path) -> None:
    for number in range(40):
        lines = "".join(f"{number},{row},x\n" for row in range(1, 11))
        (tmp_path / f"{number:02}.csv").write_text("a,b,c\n" + lines)
    rows = read(spark, tmp_path)
    right = "_source_row = CAST(b AS int) AND _source_file = format_string('%02d.csv', CAST(a AS int))"
    assert rows.rdd.getNumPartitions() < 40
    assert rows.filter(right).count() == 400
    assert rows.filter("b = '7'").filter("_source_row = 7").count() == 40
    assert rows.filter("c = 'y'").select("_source_row").count() == 0
    assert rows.select("_source_row").groupBy().sum().collect()[0][0] == 40 * 55
    assert {r[0] for r in rows.filter("_source_row = 10").select("b").collect()} == {"10"}
    assert rows.repartition(3).filter(right).count() == 400
    assert rows.coalesce(1).filter(right).count() == 400
    assert rows.alias("l").join(rows.alias("r"), ["_source_file", "_source_row"]).filter("l.b = r.b").count() == 400


def test_a_large_file_is_one_piece(spark: SparkSession, tmp_path: Path) -> None:
    count = 300_000
    block = "".join(f"{row},{row},{'x' * 50}\n" for row in range(1, 100_001)).encode()
    with (tmp_path / "large.csv").open("wb") as out:
        out.write(b"a,b,c\n")
        for _ in range(count // 100_000):
            out.write(block)
    assert spark.read.csv(str(tmp_path / "large.csv")).rdd.getNumPartitions() > 1
    rows = read_files(spark, tmp_path, [Delivery("large.csv", 1, 0)], CSV)
    seen = rows.agg(F.max("_source_row"), F.sum(((F.col("_source_row") - 1) % 100_000 + 1 == F.col("b")).cast("int")))
    assert tuple(seen.collect()[0]) == (count, count)


NAMES = [
    *["plain.csv", "sp ace.csv", "per%20cent.csv", "100%.csv", "plus+.csv", "é世.csv", "e\u0301.csv", "eq=1.csv"],
    *["br[1].csv", "st*ar.csv", "q?.csv", "cu{a,b}.csv", "co:lon.csv", "back\\slash.csv", "hash#1.csv", "amp&.csv"],
    *["quote'.csv", 'dq".csv', "new\nline.csv", "nb\u00a0sp.csv", "pipe|.csv", "semi;.csv", "tick`.csv", "<>.csv"],
    *["😀.csv", "\u0085.csv", " lead.csv", "country=UK/day=1/in ner.csv"],
]


@pytest.mark.parametrize(
    ("folder", "names"), [("é %20=1", NAMES), ("ro ot=[1]%20", [n for n in NAMES if ":" not in n])]
)
def test_a_name_may_hold_any_character(spark: SparkSession, tmp_path: Path, folder: str, names: list[str]) -> None:
    root = tmp_path / folder
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("a,b,c\n1,2,3\n")
    files = checked(root)
    rows = read_files(spark, root, first_deliveries(files), CSV)
    assert sorted(r[0] for r in rows.select("_source_file").collect()) == sorted(names)
    assert rows.columns[:3] == ["a", "b", "c"]
    for file in files[::9]:
        (row,) = read_files(spark, root, first_deliveries([file]), CSV).collect()
        assert row["_source_file"] == file.path


def test_a_checksum_of_an_older_file_does_not_matter(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b,c\n1,2,3\n")
    (tmp_path / ".x.csv.crc").write_bytes(b"crc\0\0\0\x02\0\xde\xad\xbe\xef")
    assert read(spark, tmp_path).count() == 1


def test_settings_of_the_session_neither_matter_nor_change(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b,c\n" + b"1,2,3\n" * 1000)
    (tmp_path / "y.csv").write_bytes(b"a,b,c\n1,2\n")
    session = spark.newSession()
    session.conf.set("spark.sql.files.maxPartitionBytes", "1000")
    session.conf.set("spark.sql.files.maxPartitionNum", "1")
    session.conf.set("spark.sql.shuffle.partitions", "3")
    before = {row.key: row.value for row in session.sql("SET").collect()}
    rows = read(session, tmp_path)
    assert {row.key: row.value for row in session.sql("SET").collect()} == before
    assert rows.sparkSession is session
    assert [r[1] for r in rows.groupBy("_source_file").max("_source_row").orderBy("_source_file").collect()] == [
        1000,
        1,
    ]
    assert session.sql("SHOW VIEWS IN global_temp").collect() == []


def test_encodings_and_delimiters_are_read_as_they_are_checked(spark: SparkSession, tmp_path: Path) -> None:
    texts = {"utf-8": "é世😀", "koi8-r": "ж", "gbk": "中文", "gb18030": "中€", "big5": "中文", "shift_jis": "日本ソ"}
    texts |= {
        "euc_jp": "日本",
        "euc_kr": "한국",
        "ascii": "e",
        "iso8859-5": "ж",
        "cp1251": "ж",
        "iso8859-7": "λ",
        "cp1253": "λ",
    }
    for name in JAVA_NAMES:
        root = tmp_path / name
        root.mkdir()
        text = texts.get(name, "ü")
        (root / "x.csv.gz").write_bytes(gzip.compress(f"a|b|c\n{text}|2|{text}\n".encode(name)))
        options = FolderOptions("csv", CSV.columns, encoding=name, delimiter="|")
        assert [tuple(r)[:3] for r in read(spark, root, options).collect()] == [(text, "2", text)], name
    for number, delimiter in enumerate(["\t", ";", "\\", "^", " ", "§", "'", "#"]):
        root = tmp_path / str(number)
        root.mkdir()
        (root / "x.csv").write_text(f"1{delimiter}2{delimiter}3\n", encoding="latin-1")
        options = FolderOptions("csv", CSV.columns, encoding="latin-1", delimiter=delimiter, header=False)
        assert [tuple(r)[:3] for r in read(spark, root, options).collect()] == [("1", "2", "3")], delimiter


PIECES = st.sampled_from(
    [
        "1",
        "x",
        ",",
        ",",
        '"',
        '""',
        "\\",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        " ",
        "\t",
        "\x01",
        "\x1f",
        "#",
        "é",
        "\u2028",
        "\u0085",
        "😀",
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(st.lists(TEXTS, min_size=120, max_size=120), st.booleans())
def test_spark_reads_as_many_records_as_the_check_counts(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, texts: list[str], has_header: bool
) -> None:
    root = tmp_path_factory.mktemp("texts")
    options = FolderOptions("csv", CSV.columns, header=has_header)
    for number, text in enumerate(texts):
        content = (("\n \n" if number % 7 == 0 else "") + "a,b,c\n" * has_header + text).encode()
        content = b"\xef\xbb\xbf" + content if number % 5 == 0 else content
        name, content = (f"{number}.csv.gz", gzip.compress(content)) if number % 3 == 0 else (f"{number}.csv", content)
        (root / name).write_bytes(content)
    good, bad = check_files(root, list_files(root, options), options)
    assert {problem.kind for problem in bad} <= {"zero_bytes"}
    rows = read_files(spark, root, first_deliveries(good), options)
    places = rows.groupBy("_source_file").agg(F.sort_array(F.collect_list("_source_row")))
    read_places = {row[0]: row[1] for row in places.collect()}
    assert read_places == {file.path: list(range(1, file.records + 1)) for file in good if file.records}


def test_the_widest_line_that_the_check_passes_is_read(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b,c\n1,2,3\n" + b"," * (MOST_FIELDS - 1) + b"\n4,5,6\n")
    assert [r[0] for r in read(spark, tmp_path).orderBy("_source_row").select("a").collect()] == ["1", None, "4"]


def test_parquet_is_read_with_the_types_that_it_has(spark: SparkSession, tmp_path: Path) -> None:
    moment = datetime(2024, 7, 1, 12, 0, 0, 123_456, timezone.utc)
    values = {
        "n8": pa.array([1], pa.int8()),
        "u8": pa.array([200], pa.uint8()),
        "u16": pa.array([60_000], pa.uint16()),
        "u32": pa.array([4_000_000_000], pa.uint32()),
        "u64": pa.array([18_000_000_000_000_000_000], pa.uint64()),
        "f": pa.array([1.5], pa.float32()),
        "t": pa.array(["x"], pa.large_string()),
        "c": pa.array(["x"]).dictionary_encode(),
        "raw": pa.array([b"x"]),
        "fixed": pa.array([b"xy"], pa.binary(2)),
        "d": pa.array([moment.date()]),
        "old": pa.array([-400_000], pa.int32()).cast(pa.date32()),
        "dec": pa.array([1], pa.decimal128(20, 0)),
        "us": pa.array([moment], pa.timestamp("us")),
        "tz": pa.array([moment], pa.timestamp("ms", "Europe/London")),
        "ns": pa.array([1_719_835_200_123_456_789], pa.timestamp("ns")),
        "before": pa.array([-1], pa.timestamp("ns", "UTC")),
        "raw_ns": pa.array([1_719_835_200_123_456_789], pa.timestamp("ns")),
        "none": pa.nulls(1),
        "l": pa.array([[1, None]]),
        "s": pa.array([{"x y": 1, "z": [{"q": "p"}]}]),
        "m": pa.array([[("k", 1.5)]], pa.map_(pa.string(), pa.float64())),
        "odd name.`x`": pa.array([1]),
    }
    pq.write_table(pa.table(values), tmp_path / "x.parquet")
    declared = ", ".join(
        "`{}` {}".format(n.replace("`", "``"), "bigint" if n == "raw_ns" else "string") for n in values
    )
    options = FolderOptions("parquet", parse_columns(declared))
    rows = read(spark, tmp_path, options)
    kinds = dict(rows.dtypes)
    expected = {"n8": "tinyint", "u8": "smallint", "u16": "int", "u32": "bigint", "u64": "decimal(20,0)", "f": "float"}
    expected |= {
        "t": "string",
        "c": "string",
        "raw": "binary",
        "fixed": "binary",
        "d": "date",
        "old": "date",
        "none": "int",
    }
    expected |= {"us": "timestamp_ntz", "tz": "timestamp", "ns": "timestamp", "before": "timestamp", "raw_ns": "bigint"}
    expected |= {"dec": "decimal(20,0)", "l": "array<bigint>", "m": "map<string,double>", "odd name.`x`": "bigint"}
    expected |= {"s": "struct<x y:bigint,z:array<struct<q:string>>>"}
    assert {name: kinds[name] for name in values} == expected
    shown = rows.select(*(F.col("`" + n.replace("`", "``") + "`").cast("string") for n in values)).collect()[0]
    texts = {"n8": "1", "u8": "200", "u16": "60000", "u32": "4000000000", "u64": "18000000000000000000", "f": "1.5"}
    texts |= {"t": "x", "c": "x", "raw": "x", "fixed": "xy", "d": "2024-07-01", "old": "0874-11-02", "dec": "1"}
    texts |= {"us": "2024-07-01 12:00:00.123456", "tz": "2024-07-01 12:00:00.123", "ns": "2024-07-01 12:00:00.123456"}
    texts |= {"before": "1969-12-31 23:59:59.999999", "raw_ns": "1719835200123456789", "l": "[1, null]"}
    texts |= {"s": "{1, [{p}]}", "m": "{k -> 1.5}", "odd name.`x`": "1"}
    assert dict(zip(values, shown, strict=True)) == {**texts, "none": None}


def test_parquet_rows_have_their_place_in_the_file(spark: SparkSession, tmp_path: Path) -> None:
    for number, name in enumerate(["x.parquet", "y y.parquet"]):
        table = pa.table({"a": pa.array(range(1, 30_001)), "n": [number] * 30_000})
        pq.write_table(table, tmp_path / name, row_group_size=7_000)
    rows = read(spark, tmp_path, FolderOptions("parquet", parse_columns("a bigint, n int")))
    assert "_malformed" not in rows.columns
    assert rows.filter("a = _source_row").count() == 60_000
    assert [r[0] for r in rows.filter("a = 29000 AND n = 1").select("_source_row").collect()] == [29_000]
    named = rows.filter("_source_row = 1").select("n", "_source_file", "_delivery").orderBy("n").collect()
    assert [tuple(row) for row in named] == [(0, "x.parquet", 1), (1, "y y.parquet", 1)]


def test_parquet_files_of_different_types_lose_nothing(spark: SparkSession, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": ["x"], "c": [[1]]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["y"], "c": pa.array([["2"]]), "a": ["n/a"]}), tmp_path / "2.parquet")
    pq.write_table(
        pa.table({"a": [1.5], "b": ["z"], "c": pa.array([[3]], pa.list_(pa.int32()))}), tmp_path / "3.parquet"
    )
    options = FolderOptions("parquet", parse_columns("a bigint, b string, c array<bigint>"))
    rows = read(spark, tmp_path, options).select("a", "b", "c", "_source_file", "_source_row")
    assert rows.dtypes[:3] == [("a", "string"), ("b", "string"), ("c", "array<bigint>")]
    assert in_order(rows) == [
        ("1", "x", [1], "1.parquet", 1),
        ("n/a", "y", [2], "2.parquet", 1),
        ("1.5", "z", [3], "3.parquet", 1),
    ]


@pytest.mark.parametrize(
    ("sizes", "cores", "tasks"),
    [
        ([100], 8, 1),
        ([1 << 10] * 305, 8, 4),
        ([1 << 10] * 90, 8, 1),
        ([160_000] * 305, 2, 6),
        ([1 << 30] * 4, 2, 4),
        ([1 << 20] * 2000, 8, 24),
        ([500 << 20] * 40 + [1 << 10] * 265, 2, 305),
        ([2 << 30] + [1 << 10] * 304, 8, 24),
    ],
)
def test_small_files_share_a_task_and_large_ones_do_not(sizes: list[int], cores: int, tasks: int) -> None:
    assert task_count(sizes, cores) == tasks


def test_a_year_of_real_till_files_is_read_whole(spark: SparkSession) -> None:
    if not RETAIL.is_dir():
        pytest.skip(f"no Online Retail at {os.path.relpath(RETAIL)}")
    options = FolderOptions("csv", parse_columns(TILL), "*.csv.gz")
    files = checked(RETAIL, options)
    assert (len(files), sum(file.records for file in files)) == (305, 541_909)
    rows = read_files(spark, RETAIL, first_deliveries(files), options)
    columns = [F.count("*"), F.countDistinct("_source_row"), F.max("_source_row"), F.count("_malformed")]
    seen = {row[0]: tuple(row)[1:] for row in rows.groupBy("_source_file").agg(*columns).collect()}
    assert seen == {file.path: (file.records, file.records, file.records, 0) for file in files}
