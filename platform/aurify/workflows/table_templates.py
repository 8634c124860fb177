"""The texts of a new table: spec and function, suite, test."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from aurify.config.columns import ddl
from aurify.config.names import quoted
from aurify.workflows.file_profile import FileProfile

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Shape(Enum):
    """How a new table comes by its rows."""

    FILES = "files"
    NEWEST_DELIVERY = "newest delivery"
    NEWEST = "newest"
    ROWS = "rows"
    GROUPS = "groups"


@dataclass(frozen=True)
class Draft:
    """A table to be written: the columns that it reads and those that it has."""

    name: str
    shape: Shape
    rows: StructType
    columns: StructType
    owner: str
    reads: str = ""
    keys: tuple[str, ...] = ()
    order_by: str = ""
    source_keys: tuple[str, ...] = ()
    profile: FileProfile | None = None

    @property
    def function(self) -> str:
        """The name of the table's function."""
        return self.name.split(".")[1]


def table_text(draft: Draft) -> str:
    """The module of the table."""
    inputs, write = _input(draft), _write(draft)
    names = ", ".join(sorted({"table", inputs.split("(")[0], write.split("(")[0]}, key=lambda n: (n.islower(), n)))
    made, doc = _body(draft)
    columns = "".join(f"\n        {part}," for part in _columns(draft.columns)).rstrip(",")
    functions = "from pyspark.sql import functions as F\n\n" if "F." in made else ""
    keys = f"\n    keys={list_text(draft.keys)}," if draft.shape is not Shape.FILES else ""
    same = "" if draft.shape is Shape.GROUPS else '\n    rows="same",'
    return f'''"""{draft.name}: {doc[0].lower()}{doc[1:]}"""

from __future__ import annotations

from typing import TYPE_CHECKING

{functions}from aurify import {names}

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "{draft.name}",
    inputs={{"rows": {inputs}}},{keys}
    write={write},
    columns="""{columns}
    """,{same}
    owner={text_of(draft.owner)},
)
def {draft.function}(rows: DataFrame) -> DataFrame:
    """{doc}"""
    return {made}
'''


def _columns(columns: StructType) -> list[str]:
    from pyspark.sql.types import StructType

    return [ddl(StructType([field])) for field in columns.fields]


def _input(draft: Draft) -> str:
    if draft.profile is None:
        return f'changes("{draft.reads}")'
    more = f', pattern="{draft.profile.pattern}"'
    more += f', format="{draft.profile.format}"' if draft.profile.format != "csv" else ""
    more += f", delimiter={text_of(draft.profile.delimiter)}" if draft.profile.delimiter != "," else ""
    more += f', encoding="{draft.profile.encoding}"' if draft.profile.encoding != "UTF-8" else ""
    return f'folder("{draft.function}"{more})'


def _write(draft: Draft) -> str:
    if draft.shape in (Shape.FILES, Shape.ROWS):
        return "Append()"
    if draft.shape is Shape.GROUPS:
        return f"Recompute(by={list_text(draft.keys)})"
    return f"Upsert(order_by={text_of(draft.order_by)})"


def _body(draft: Draft) -> tuple[str, str]:
    """What the function returns, and what a row is."""
    own = [text_of(_quoted(field.name)) for field in draft.rows.fields]
    if draft.shape is Shape.FILES:
        return "rows", "One row per record of a file, every delivery of every file, as it came."
    if draft.shape is Shape.GROUPS:
        counted = text_of(draft.columns.fields[-1].name)
        by = text_of(_quoted(draft.keys[0]))
        made = f'rows.groupBy({by}).agg(F.count("*").alias({counted}))'
        return made, f"One row per {draft.keys[0]}, with how many rows of {draft.reads} it has."
    if draft.shape is Shape.NEWEST_DELIVERY:
        own.append(f'F.col("_delivered_at").alias({text_of(draft.order_by)})')
    selected = "".join(f"\n        {part}," for part in own)
    doc = f"One row per row of {draft.reads}."
    if draft.shape is not Shape.ROWS:
        doc = f"One row per {' and '.join(draft.keys)}, as the newest row of {draft.reads} says."
    return f"rows.select({selected}\n    )", doc


def suite_text(draft: Draft) -> str:
    """The suite: what the profile found, or one rule to begin with. Nothing in it stops a row yet."""
    lines = [f"# What must hold of {draft.name}. on_fail: warn, drop, quarantine or fail."]
    lines += [f"table: {draft.name}", "expectations:"]
    filled = draft.profile.filled if draft.profile else tuple(f.name for f in draft.columns.fields[:1])
    sets = draft.profile.value_sets if draft.profile else {}
    lines += [f"  - expect_column_values_to_not_be_null: {{column: {_yaml(name)}, on_fail: warn}}" for name in filled]
    for name, values in sets.items():
        found = ", ".join(text_of(value) for value in values)
        lines += [
            "  - expect_column_values_to_be_in_set:",
            f"      column: {_yaml(name)}",
            f"      value_set: [{found}]",
            "      on_fail: warn",
        ]
    if not filled:
        lines[-1] += " []"
    return "\n".join(lines) + "\n"


def test_text(draft: Draft, module: str) -> str:
    """A test of the table over literal rows."""
    row = {f.name: value for f in draft.rows.fields if (value := _samples(f.dataType)[0]) is not None}
    literal = "".join(f"\n    {text_of(name)}: {text_of(value)}," for name, value in row.items())
    sentence, batches, claims = _case(draft)
    checks = "".join(f"\n    assert {claim}" for claim in claims)
    return f'''"""{draft.name} over literal rows, through its suite, on the real engine."""

from __future__ import annotations

from aurify.testing import refresh
from {module} import {draft.function}

ROW = {{{literal}
}}


def test_{sentence}() -> None:
    done = refresh({draft.function}, batches=[{batches}])
    assert done.quarantined == []{checks}
'''


def _case(draft: Draft) -> tuple[str, str, list[str]]:
    """What the test is called, the batches that it gives, and what it claims."""
    if draft.shape is Shape.FILES:
        claims = ['[row["_source_row"] for row in done.rows] == [1, 2]', "done.balances[0].inserted == 2"]
        return "every_record_of_a_file_becomes_a_row", '{"rows": [ROW, ROW]}', claims
    if draft.shape is Shape.GROUPS:
        other = _changed(draft, draft.source_keys[:1] or draft.keys)
        counted = text_of(draft.columns.fields[-1].name)
        claims = [f"sum(row[{counted}] for row in done.rows) == 2"]
        return "a_group_counts_the_rows_of_all_batches", f'{{"rows": [ROW]}}, {{"rows": [{other}]}}', claims
    if draft.shape is Shape.ROWS:
        return "every_row_is_kept", '{"rows": [ROW]}, {"rows": [ROW]}', ["len(done.rows) == 2"]
    newer = _changed(draft, (draft.order_by,)) if draft.shape is Shape.NEWEST else "ROW"
    claims = ["len(done.rows) == 1", "[b.inserted for b in done.balances] == [1, 0]", "done.balances[1].updated == 1"]
    return "a_newer_row_replaces_the_older_of_its_key", f'{{"rows": [ROW]}}, {{"rows": [{newer}]}}', claims


def _changed(draft: Draft, names: tuple[str, ...]) -> str:
    """The row with other values, greater ones, in some columns."""
    others = {name: _samples(draft.rows[name].dataType)[1] for name in names if name in draft.rows.names}
    changes = "".join(f", {text_of(name)}: {text_of(value)}" for name, value in others.items())
    return f"{{**ROW{changes}}}" if changes else "ROW"


def _samples(kind: DataType) -> tuple[object, object]:
    """Two values of a type, the greater one last; none for what has no short literal."""
    name = kind.typeName()
    if name in ("byte", "short", "integer", "long"):
        return 1, 2
    known: dict[str, tuple[object, object]] = {
        "string": ("a", "b"),
        "double": (1.5, 2.5),
        "float": (1.5, 2.5),
        "decimal": ("1", "2"),
        "boolean": (False, True),
        "date": ("2024-01-01", "2024-01-02"),
        "timestamp": ("2024-01-01 08:00:00", "2024-01-02 08:00:00"),
        "timestamp_ntz": ("2024-01-01 08:00:00", "2024-01-02 08:00:00"),
    }
    return known.get(name, (None, None))


def text_of(value: object) -> str:
    """A literal in double quotes where it is text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def list_text(names: tuple[str, ...]) -> str:
    """A list of texts as it is written in Python."""
    return f"[{', '.join(text_of(name) for name in names)}]"


def _quoted(name: str) -> str:
    return name if PLAIN.fullmatch(name) else quoted(name)


def _yaml(name: str) -> str:
    return name if PLAIN.fullmatch(name) else text_of(name)
