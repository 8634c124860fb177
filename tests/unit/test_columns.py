"""Column texts are read like Spark reads them, without a JVM, and all their mistakes are told at once."""

from __future__ import annotations

import pyspark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from aurify.config.columns import ddl, parse_columns, read_columns, render_type
from aurify.errors import ConfigurationError

TYPES = [
    ("string", StringType()),
    ("boolean", BooleanType()),
    ("byte", ByteType()),
    ("tinyint", ByteType()),
    ("short", ShortType()),
    ("smallint", ShortType()),
    ("int", IntegerType()),
    ("INTEGER", IntegerType()),
    ("long", LongType()),
    ("bigint", LongType()),
    ("float", FloatType()),
    ("real", FloatType()),
    ("double", DoubleType()),
    ("decimal", DecimalType(10, 0)),
    ("decimal(5)", DecimalType(5, 0)),
    ("Decimal( 12, 4 )", DecimalType(12, 4)),
    ("date", DateType()),
    ("timestamp", TimestampType()),
    ("timestamp_ntz", TimestampNTZType()),
    ("binary", BinaryType()),
    ("array<int>", ArrayType(IntegerType())),
    ("map<string, array<array<date>>>", MapType(StringType(), ArrayType(ArrayType(DateType())))),
    ("struct<>", StructType([])),
    (
        "struct<a: int NOT NULL, `b c` string>",
        StructType([StructField("a", IntegerType(), False), StructField("b c", StringType())]),
    ),
]


@pytest.mark.parametrize(("text", "kind"), TYPES, ids=[text for text, _ in TYPES])
def test_a_type_is_read(text: str, kind: DataType) -> None:
    assert parse_columns(f"x {text}") == StructType([StructField("x", kind)])


def test_names_nullability_and_words_after_the_type_are_read() -> None:
    schema = parse_columns(
        """
        line_id string NOT NULL COMMENT 'it''s the "till" line',  -- a note
        `unit price` decimal(12,4) UNIT 'EUR' COMMENT "per\\tpiece, net",
        customer: string PII not null
        """
    )
    assert [(f.name, f.nullable, f.metadata) for f in schema.fields] == [
        ("line_id", False, {"comment": 'it\'s the "till" line'}),
        ("unit price", True, {"unit": "EUR", "comment": "per\tpiece, net"}),
        ("customer", False, {"pii": True}),
    ]


MISTAKES = [
    ("a strin", "a", "the type 'strin'", "did you mean 'string'?"),
    ("a varchar(10)", "a", "the type 'varchar'", "did you mean 'string'?"),
    ("a array<struct<b: datetime>>", "a", "the type 'datetime'", "did you mean 'timestamp'?"),
    ("a int, A string", "A", "the name 'A' twice", "rename one"),
    ("a struct<b: int, B: int>", "a", "the field 'B' twice in one struct", ""),
    ("_deleted boolean", "_deleted", "the name '_deleted'", "the engine keeps this name for itself"),
    ("_failed_rules string", "_failed_rules", "the name '_failed_rules'", "the engine keeps this name for itself"),
    ("a int,", "column 2", "nothing", ""),
    ("", "column 1", "nothing", ""),
    ("a", "a", "the end of the column", ""),
    ("1 int", "column 1", "'1'", ""),
    ("a-b int", "a", "'-'", "put a name with such a character in `backquotes`"),
    ("a array<int", "a", "the end of the column", ""),
    ("a map<int>", "a", "'>'", ""),
    ("a int string", "a", "'string'", ""),
    ("a decimal(39,2)", "a", "decimal(39,2)", ""),
    ("a decimal(3,5)", "a", "decimal(3,5)", ""),
    ("a decimal(x)", "a", "'x'", ""),
    ("a int COMMENT none", "a", "'none'", ""),
    ("a int COMMENT 'open", "a", '"\'"', "close the quote"),
]


@pytest.mark.parametrize(("text", "key", "found", "hint"), MISTAKES, ids=[text or "empty" for text, *_ in MISTAKES])
def test_a_mistake_is_named(text: str, key: str, found: str, hint: str) -> None:
    _, problems = read_columns(text)
    assert [(p.key, p.found, p.hint) for p in problems] == [(key, found, hint)]
    assert problems[0].expected


def test_all_mistakes_of_a_text_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_columns("a strin, b int int, c map<int, number>, A int, _verdict string, d decimal(99)")
    assert {problem.key for problem in error.value.problems} == {"a", "b", "c", "A", "_verdict", "d"}


def test_what_can_be_read_of_a_wrong_text_is_still_there() -> None:
    schema, _ = read_columns("a strin, b int")
    assert [f"{f.name} {f.dataType.simpleString()}" for f in schema.fields] == ["a void", "b int"]


def test_a_caller_that_extends_a_schema_does_not_change_the_next_ones() -> None:
    parse_columns("a int").add("_deleted", BooleanType())
    assert parse_columns("a int").names == ["a"]


def test_types_are_written_as_in_a_column_text() -> None:
    assert render_type(parse_columns("x MAP<STRING, STRUCT<a INT, b: ARRAY<LONG>>>")["x"].dataType) == (
        "map<string, struct<a: int, b: array<bigint>>>"
    )


_leaves = st.sampled_from([StringType(), LongType(), DateType(), DecimalType(38, 18), TimestampNTZType()])
_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5).filter(
    lambda name: not name.startswith("_")
)
_metadata = st.fixed_dictionaries({}, optional={"comment": st.text(max_size=8), "unit": st.text(max_size=3)})


def _fields(kinds: st.SearchStrategy[DataType]) -> st.SearchStrategy[StructType]:
    field = st.builds(StructField, _names, kinds, st.booleans(), _metadata)
    return st.lists(field, min_size=1, max_size=3, unique_by=lambda f: f.name.lower()).map(StructType)


_kinds: st.SearchStrategy[DataType] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(ArrayType, inner), st.builds(MapType, st.just(StringType()), inner), _fields(inner)
    ),
    max_leaves=4,
)


@settings(max_examples=40, deadline=None)
@given(_fields(_kinds))
def test_a_schema_survives_being_written_and_read(schema: StructType) -> None:
    assert parse_columns(ddl(schema)) == schema


def test_no_jvm_was_started() -> None:
    assert pyspark.SparkContext._gateway is None
