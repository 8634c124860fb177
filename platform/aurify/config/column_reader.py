"""The grammar of column texts: tokens, and the reader of one column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aurify.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructField

_SIMPLE = {
    "string": "StringType",
    "boolean": "BooleanType",
    "byte": "ByteType",
    "tinyint": "ByteType",
    "short": "ShortType",
    "smallint": "ShortType",
    "int": "IntegerType",
    "integer": "IntegerType",
    "long": "LongType",
    "bigint": "LongType",
    "float": "FloatType",
    "real": "FloatType",
    "double": "DoubleType",
    "date": "DateType",
    "timestamp": "TimestampType",
    "timestamp_ltz": "TimestampType",
    "timestamp_ntz": "TimestampNTZType",
    "binary": "BinaryType",
}
_DECIMAL = ("decimal", "dec", "numeric")
TYPE_NAMES = (*_SIMPLE, *_DECIMAL, "array", "map", "struct")
_OTHER_DIALECTS = {
    "varchar": "string",
    "char": "string",
    "text": "string",
    "str": "string",
    "bool": "boolean",
    "datetime": "timestamp",
    "int32": "int",
    "int64": "bigint",
    "float32": "float",
    "float64": "double",
    "number": "decimal",
    "money": "decimal",
}

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*)"
    r"|(?P<quoted>`(?:[^`]|``)+`)"
    r"|(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>[0-9]+(?![A-Za-z0-9_]))"
    r"|(?P<word>[A-Za-z0-9_]+)"
    r"|(?P<symbol>[<>(),:])"
    r"|(?P<stray>.)",
    re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0"}
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\(.)", re.DOTALL)


class Token(NamedTuple):
    kind: str
    text: str


class _UnreadableError(Exception):
    def __init__(self, found: str, expected: str, hint: str = "") -> None:
        super().__init__(found)
        self.found, self.expected, self.hint = found, expected, hint


class ColumnReader:
    """Reads one column from its tokens; an unknown type is noted, broken syntax ends the column."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.name = ""
        self.problems: list[Problem] = []

    def note(self, found: str, expected: str, hint: str = "") -> None:
        self.problems.append(Problem("columns", found, expected, hint, self.name))

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self, *kinds: str, expected: str) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else Token("end", "the end of the column")
        if token.kind not in kinds:
            raise _UnreadableError(
                token.text if token.kind == "end" else repr(token.text), expected, _stray_hint(token)
            )
        self.at += 1
        return token.text

    def accept(self, *words: str) -> bool:
        found = [token.text.lower() for token in self.tokens[self.at : self.at + len(words)]]
        if found != list(words):
            return False
        self.at += len(words)
        return True

    def expect(self, symbol: str) -> None:
        if not self.accept(symbol):
            raise _UnreadableError(repr(self.peek()) if self.peek() else "the end of the column", f"'{symbol}'")

    def identifier(self) -> str:
        text = self.take("word", "quoted", expected="a column name")
        return text[1:-1].replace("``", "`") if text.startswith("`") else text

    def column(self) -> StructField:
        from pyspark.sql.types import NullType, StructField

        try:
            self.name = self.identifier()
            field = self.field(self.name)
            if self.peek():
                raise _UnreadableError(
                    repr(self.peek()), "a comma, NOT NULL, COMMENT '...', UNIT '...' or PII after the type"
                )
            return field
        except _UnreadableError as error:
            self.note(error.found, error.expected, error.hint)
            return StructField(self.name, NullType())

    def field(self, name: str) -> StructField:
        from pyspark.sql.types import StructField

        self.accept(":")
        kind, nullable, metadata = self.type_of(), True, {}
        while self.peek():
            if self.accept("not", "null"):
                nullable = False
            elif self.accept("comment"):
                metadata["comment"] = self.literal("COMMENT")
            elif self.accept("unit"):
                metadata["unit"] = self.literal("UNIT")
            elif self.accept("pii"):
                metadata["pii"] = True
            else:
                break
        return StructField(name, kind, nullable, metadata)

    def literal(self, after: str) -> str | bool:
        text = self.take("text", expected=f"a quoted text after {after}")
        return re.sub(_ESCAPED, _unescaped, text[1:-1].replace("''", "\\'") if text[0] == "'" else text[1:-1])

    def type_of(self) -> DataType:
        from pyspark.sql import types

        name = self.take("word", expected="a type").lower()
        if name in _SIMPLE:
            return getattr(types, _SIMPLE[name])()  # type: ignore[no-any-return]
        if name in _DECIMAL:
            return self.decimal()
        if name == "array":
            self.expect("<")
            element = self.type_of()
            self.expect(">")
            return types.ArrayType(element)
        if name == "map":
            self.expect("<")
            key = self.type_of()
            self.expect(",")
            value = self.type_of()
            self.expect(">")
            return types.MapType(key, value)
        return self.struct() if name == "struct" else self.unknown(name)

    def decimal(self) -> DataType:
        from pyspark.sql.types import DecimalType

        if not self.accept("("):
            return DecimalType(10, 0)
        precision = self.number()
        scale = self.number() if self.accept(",") else 0
        self.expect(")")
        if not (1 <= precision <= 38 and scale <= precision):
            self.note(f"decimal({precision},{scale})", "a precision of 1 to 38 and a scale not above it")
            return DecimalType(38, 18)
        return DecimalType(precision, scale)

    def number(self) -> int:
        return int(self.take("number", expected="a number of digits"))

    def struct(self) -> DataType:
        from pyspark.sql.types import StructType

        self.expect("<")
        fields: list[StructField] = []
        while not self.accept(">"):
            if fields:
                self.expect(",")
            fields.append(self.field(self.identifier()))
        for name in repeated([field.name for field in fields]):
            self.note(f"the field '{name}' twice in one struct", "names that differ by more than case")
        return StructType(fields)

    def unknown(self, name: str) -> DataType:
        from pyspark.sql.types import NullType

        if self.accept("("):
            while self.peek() and not self.accept(")"):
                self.at += 1
        known = _OTHER_DIALECTS.get(name)
        hint = f"did you mean '{known}'?" if known else did_you_mean(name, TYPE_NAMES)
        self.note(f"the type '{name}'", "a type of Spark", hint)
        return NullType()


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else ESCAPES.get(match[2], match[2])


def _stray_hint(token: Token) -> str:
    if token.kind != "stray":
        return ""
    return "close the quote" if token.text in "'\"`" else "put a name with such a character in `backquotes`"


def repeated(names: list[str]) -> list[str]:
    lower = [name.lower() for name in names]
    return [name for at, name in enumerate(names) if name and name.lower() in lower[:at]]


def split_columns(text: str) -> list[list[Token]]:
    """The tokens of each column: split at the commas that are in no bracket."""
    columns: list[list[Token]] = [[]]
    depth = 0
    for match in _TOKEN.finditer(text):
        token = Token(match.lastgroup or "", match.group())
        if token.kind == "space":
            continue
        if token == Token("symbol", ",") and depth == 0:
            columns.append([])
            continue
        if token.kind == "symbol":
            depth = max(0, depth + {"<": 1, "(": 1, ">": -1, ")": -1}.get(token.text, 0))
        columns[-1].append(token)
    return columns
