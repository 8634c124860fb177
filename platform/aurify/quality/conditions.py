"""The rows that a rule speaks of: Great Expectations' `row_condition` in its three syntaxes, read without a JVM.

What its Spark engine does, this does too, but for what is unsound there: of `col("a") > 1 and ...` it drops all after
the first comparison, and of `col("a") == " b"` the space in front; a name that holds quotes or dots breaks its SQL; a
number in quotes is cut to the type of the column (`3 == "3.5"`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.errors import did_you_mean
from aurify.quality.row_rules.domain import balanced
from aurify.quality.row_rules.places import Place, place_names, place_of
from aurify.quality.values import Unfit, Value, fitting, literal, shown

if TYPE_CHECKING:
    from pyspark.sql import Column

SQL = "spark"
COL = ("great_expectations", "great_expectations__experimental__")
_COMPARE: Mapping[str, Callable[[Column, Column], Column]] = {
    "==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
_MEMBER = {"IN": "IN", "NOT_IN": "NOT IN"}
_JOIN = {"and": and_, "or": or_}
_SQL_PARTS = re.compile(
    r"(?P<space>(?:\s|--[^\n]*|/\*.*?\*/)+)"
    r"|[rR](?:'[^']*'|\"[^\"]*\")|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`"
    r"|\w+|.",
    re.DOTALL,
)
_NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_TEXT = r"""\s*(?:"(?P<{0}2>[^"]*)"|'(?P<{0}1>[^']*)')\s*"""
_COL_SYNTAX = re.compile(
    r'\s*col\("(?P<column>[^"]+)"\)\s*'
    r"(?:(?P<there>(?i:\.notnull\(\)))|(?P<operator>==|!=|<=|>=|<|>)\s*"
    rf"(?:(?P<number>{_NUMBER})|{_TEXT.format('text')}|date\({_TEXT.format('date')}\)))\s*"
)
_EXAMPLE = 'col("quantity") > 5'


@dataclass(frozen=True)
class Condition:
    """Which rows: `text` is one line of SQL for people, `columns` are those it names, none where that is unknown."""

    text: str
    columns: tuple[str, ...]
    built: Callable[[], Column] = field(compare=False, repr=False)

    def column(self) -> Column:
        """TRUE where a row meets the condition; FALSE or NULL where not."""
        return self.built()


def read_condition(value: object, parser: object, schema: T.StructType) -> Condition:
    """The condition of a suite: SQL, text like `col("quantity") > 5`, or a mapping as Great Expectations exports it."""
    known = (SQL, *COL)
    if parser == "pandas" and not (isinstance(value, dict) and value.get("type") != "pass_through"):
        hint = "write the condition as SQL: `quantity > 5 and country = 'France'`"
        raise Unfit("condition_parser 'pandas'", f"one of {', '.join(known)}", hint)
    if parser not in (None, "pandas", *known):
        raise Unfit(f"condition_parser {shown(parser)}", f"one of {', '.join(known)}", did_you_mean(str(parser), known))
    if isinstance(value, dict):
        return _READERS[_one_of(value.get("type"), "type", _READERS)](value, schema)
    if not isinstance(value, str) or not value.strip():
        found = "an empty text" if isinstance(value, str) else shown(value)
        raise Unfit(found, f"a condition: SQL, a text like {_EXAMPLE}, or a mapping with a `type`")
    if parser in COL:
        return _from_col(value, schema)
    if re.match(r"\s*col\(\s*['\"]", value):
        raise Unfit(shown(value), "SQL", f"say `condition_parser: {COL[0]}` beside it, or write it as SQL")
    return _from_sql(value)


def _from_sql(text: str) -> Condition:
    """Spark checks it when it runs; a newline within quotes is shown as its escape."""

    def built() -> Column:
        from pyspark.sql import functions as F

        return F.expr(text)

    parts = (" " if part["space"] else part.group().replace("\n", "\\n") for part in _SQL_PARTS.finditer(text))
    return Condition("".join(parts).strip(), (), built)


def _from_col(text: str, schema: T.StructType) -> Condition:
    """One comparison of a column with a number, a text or a date."""
    found = _COL_SYNTAX.fullmatch(text)
    if found is None:
        expected = f'one comparison like {_EXAMPLE}, col("day") >= date("2024-01-31") or col("country").notnull()'
        raise Unfit(shown(text), expected, "SQL (`condition_parser: spark`) says everything else")
    place = _place(found["column"], schema)
    if found["there"]:
        return _nullity(place, is_null=False)
    if found["number"]:
        return _comparison(place, found["operator"], _number(found["number"]))
    written = next(text for text in found.group("text1", "text2", "date1", "date2") if text is not None)
    return _comparison(place, found["operator"], written)


def _from_comparison(value: Mapping[str, object], schema: T.StructType) -> Condition:
    _only(value, "column", "operator", "parameter")
    place, parameter = _named(value, schema), value.get("parameter")
    operator = _one_of(value.get("operator"), "operator", (*_COMPARE, *_MEMBER))
    if operator not in _MEMBER:
        return _comparison(place, operator, parameter)
    if not isinstance(parameter, list | tuple) or not parameter:
        raise Unfit(f"the parameter {shown(parameter)}", f"a list of at least one value for {operator}")
    return _membership(place, operator, parameter)


def _from_nullity(value: Mapping[str, object], schema: T.StructType) -> Condition:
    _only(value, "column", "is_null")
    is_null = value.get("is_null")
    if not isinstance(is_null, bool):
        raise Unfit(f"is_null {shown(is_null)}", "true or false")
    return _nullity(_named(value, schema), is_null)


def _from_group(value: Mapping[str, object], schema: T.StructType) -> Condition:
    """AND or OR, as deep as they are; brackets stand where SQL would read something else."""
    _only(value, "conditions")
    given, word = value.get("conditions"), str(value["type"])
    if not isinstance(given, list | tuple) or not given:
        raise Unfit(f"the conditions {shown(given)}", f"a list of at least one condition to join by {word}")
    parts = [read_condition(part, None, schema) for part in given]
    alone = [isinstance(part, dict) and part.get("type") in ("comparison", "nullity", word) for part in given]
    texts = [part.text if bare else f"({part.text})" for part, bare in zip(parts, alone, strict=True)]
    columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    return Condition(
        f" {word.upper()} ".join(texts), columns, lambda: balanced([part.column() for part in parts], _JOIN[word])
    )


def _from_pass_through(value: Mapping[str, object], schema: T.StructType) -> Condition:
    _only(value, "pass_through_filter")
    return read_condition(value.get("pass_through_filter"), SQL, schema)


_READERS: Mapping[str, Callable[[Mapping[str, object], T.StructType], Condition]] = {
    "comparison": _from_comparison,
    "nullity": _from_nullity,
    "and": _from_group,
    "or": _from_group,
    "pass_through": _from_pass_through,
}


def _comparison(place: Place, operator: str, parameter: object) -> Condition:
    value = _typed(parameter, place.kind)
    text = f"{place.text} {'=' if operator == '==' else operator} {shown(value)}"
    return _of(place, text, lambda: _COMPARE[operator](place.column, literal(value)))


def _membership(place: Place, operator: str, members: Sequence[object]) -> Condition:
    values = [_typed(member, place.kind) for member in members]
    text = f"{place.text} {_MEMBER[operator]} ({', '.join(map(shown, values))})"

    def built() -> Column:
        is_member = place.column.isin([literal(value) for value in values])
        return is_member if operator == "IN" else ~is_member

    return _of(place, text, built)


def _nullity(place: Place, is_null: bool) -> Condition:
    text = f"{place.text} IS {'NULL' if is_null else 'NOT NULL'}"
    return _of(place, text, lambda: place.column.isNull() if is_null else place.column.isNotNull())


def _of(place: Place, text: str, built: Callable[[], Column]) -> Condition:
    return Condition(text, (".".join(place.path),), built)


def _typed(value: object, kind: T.DataType) -> Value:
    """The value as the column has it; a number or a truth value in quotes is one, as Spark's cast would have it."""
    if value is None:
        raise Unfit("a comparison with NULL", "a value", "a condition of the type `nullity` tells NULL from values")
    if isinstance(value, str) and isinstance(kind, T.NumericType) and re.fullmatch(_NUMBER, value.strip()):
        return fitting(_number(value.strip()), kind)
    if isinstance(value, str) and isinstance(kind, T.BooleanType) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return fitting(value, kind)


def _number(text: str) -> int | float:
    return float(text) if re.search("[.eE]", text) else int(text)


def _named(value: Mapping[str, object], schema: T.StructType) -> Place:
    """The column of a condition: `{name: quantity}`, or its bare name."""
    column = value.get("column")
    name = column.get("name") if isinstance(column, dict) else column
    if not isinstance(name, str):
        raise Unfit(f"the column {shown(column)}", "a column: {name: ...}")
    return _place(name, schema)


def _place(name: str, schema: T.StructType) -> Place:
    if (place := place_of(name, schema)) is None:
        raise Unfit(f"column '{name}'", "a column of the table", did_you_mean(name, place_names(schema)))
    return place


def _only(value: Mapping[str, object], *known: str) -> None:
    for key in value:
        if key not in ("type", *known):
            raise Unfit(f"the key {shown(key)}", f"one of {', '.join(('type', *known))}", did_you_mean(str(key), known))


def _one_of(found: object, what: str, known: Mapping[str, object] | Sequence[str]) -> str:
    if isinstance(found, str) and found in known:
        return found
    expected = f"one of {', '.join(known)}"
    raise Unfit(f"no {what}" if found is None else f"{what} {shown(found)}", expected, did_you_mean(str(found), known))
