"""One project with a mistake of every kind: all of them are told, each once, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyspark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurify import Append, Recompute, Upsert, changes, folder, snapshot, table
from aurify.errors import ConfigurationError, Problem
from aurify.tables.check import check_specs
from aurify.tables.declare import ATTRIBUTE
from aurify.tables.discovery import read_definition

WriteFiles = Callable[[Path, Mapping[str, str]], Path]

HEAD = """
    from datetime import timedelta

    from aurify import Append, Recompute, Upsert, changes, folder, snapshot, table
"""
TABLES = "platform/shop/tables"

PROJECT = """
    project: shop
    modules: [shop.tables, shop.martz]
    suite: quality/suites
    project: shop
"""

BASE = """
    warehouse: lake
    spark: {master: "local[2]", driver_memory: 1g, conf: {spark.sql.shuffle.partitions: 4, spark.ui.enabled: false}}
    parallel: 2
    business_time_zone: Europe/London
"""

OVERLAY = """
    business_time_zone: Europe/Londn
    warehouse: ${LAKE_THAT_IS_NOT_SET}
    paralel: 4
    parallel: 0
    lease: {heartbeat_s: 60, void_after_s: 60}
    spark:
      driver_memory: lots
      conf:
        spark.hadoop.fs.s3a.secret.key: hunter2
"""

BRONZE = """
    @table("bronze.till", inputs={"files": folder("till")}, write=Append(), owner="team",
           columns="line_id string, sold_at timestamp, sold_on date, changed int, tags array<string>, amount double")
    def till(files):
        "One row per till line."
        return files

    @table("Bronze.Till", inputs={"files": folder("till")}, write=Append(), owner="team", columns="a string")
    def bad_name(files):
        "A."
        return files

    @table("quarantine.till", inputs={"files": folder("till")}, write=Append(), owner="team", columns="a string")
    def engine_layer(files):
        "A."
        return files

    @table("bronze.fed", write=Append(), owner="team", columns="a string, _source_row int",
           inputs={"files": folder("/mnt/till", format="cvs", pattern="", delimiter=";;", encoding="utf-9")})
    def fed(files):
        "A."
        return files

    @table("bronze.up", write=Recompute(by="a"), keys="a", owner="team", columns="a string",
           inputs={"files": folder("../till", columns="a text", header="yes")})
    def up(files):
        "A."
        return files

    @table("bronze.two", inputs={"a": folder("a"), "b": folder("b")}, write=Append(), owner="team", columns="a string")
    def two(a, b):
        "A."
        return a

    @table("bronze_x.y", inputs={"a": folder("a")}, write=Append(), owner="team", columns="a string")
    def collides(a):
        "A."
        return a

    @table("bronze.x_y", inputs={"a": folder("a")}, write=Append(), owner="team", columns="a string")
    def collided(a):
        "A."
        return a
"""

SILVER = """
    @table("silver.twice", inputs={"lines": changes("bronze.till")}, keys="a", write=Append(), owner="team",
           columns="a string")
    def once(lines):
        "A."
        return lines

    @table("silver.columns", inputs={"lines": changes("bronze.till")}, keys="id", write=Append(), owner="team",
           columns="id strin, id2 int int, Amount double, amount double, _verdict string, d decimal(40,2)")
    def columns(lines):
        "A."
        return lines

    @table("silver.keys", inputs={"lines": changes("bronze.till")}, keys=["line_id", "lineid", "line_id", 5],
           write=Append(), time="line_id", columns="line_id string", rows="sam", owner=" ")
    def keys(lines):
        return lines

    @table("silver.upsert", inputs={"lines": changes("bronze.till")}, owner="team",
           write=Upsert(order_by="tags", locate_by=["amount", "sold_off"], delete_when=" ", tombstones=timedelta(0)),
           columns="line_id string, sold_on date, tags array<string>, amount double")
    def upsert(lines):
        "A."
        return lines

    @table("silver.late", inputs={"lines": changes("bronze.till")}, keys="line_id", owner="team", time="sold_one",
           write=Upsert(order_by="changed", tombstones=timedelta(days=90)), columns="line_id string, changed int")
    def late(lines):
        "A."
        return lines

    @table("silver.inputs", keys="a", write=Upsert, owner="team", columns="a string",
           inputs={"lines": changes("bronze.tills"), "products": "silver.products", "rates": changes(5)})
    def inputs(lines, product):
        "A."
        return lines

    @table("silver.looked_up", inputs={"lines": snapshot("bronze.till")}, keys="a", write=Append(), owner="team",
           columns=None)
    def looked_up(lines):
        "A."
        return lines

    @table("silver.no_inputs", inputs={}, keys="a", write=Append(), owner="team", columns="a string")
    def no_inputs():
        "A."
"""

GOLD = """
    @table("silver.twice", inputs={"lines": changes("bronze.till")}, keys="a", write=Append(), owner="team",
           columns="a string")
    def again(lines):
        "A."
        return lines

    @table("gold.sales", inputs={"lines": changes("bronze.till")}, keys=["shop", "sold_at"], rows="same", owner="team",
           write=Recompute(by=["shop", "sold_at", "month"]), columns="shop string, sold_at date, n bigint")
    def sales(lines):
        "A."
        return lines

    @table("gold.whole", inputs={"lines": changes("bronze.till")}, keys="a", write=Recompute(by=[]), owner="team",
           columns="a string")
    def whole(lines):
        "A."
        return lines

    @table("gold.hen", inputs={"lines": changes("gold.egg")}, keys="a", write=Append(), owner="team", columns="a int")
    def hen(lines):
        "A."
        return lines

    @table("gold.egg", inputs={"lines": changes("gold.hen")}, keys="a", write=Append(), owner="team", columns="a int")
    def egg(lines):
        "A."
        return lines
"""

STOPPED = {
    "broken.py": "def broken(:\n",
    "early.py": "from pyspark.sql import functions as F\n\nPRICE = F.col('price')\n",
    "typo.py": "from aurify import tabel\n",
    "shared.py": HEAD
    + """
    def copy(lines):
        "A."
        return lines

    COPIES = [
        table(f"silver.{n}", inputs={"lines": changes("bronze.till")}, columns="a int", keys="a", write=Append())(copy)
        for n in ("one", "other")
    ]
    """,
}


@dataclass(frozen=True)
class Mistake:
    """What is told about one planted mistake; `hint` is a part of it."""

    where: str
    key: str
    found: str
    expected: str
    hint: str = ""


CONF = [
    Mistake("conf/base/project.yml", "project", "the key twice, in lines 2 and 5", "each key once", "keep the one"),
    Mistake(
        "conf/base/project.yml", "suite", "an unknown key", "one of generator, modules, project, suites", "'suites'?"
    ),
    Mistake(
        "conf/base/project.yml",
        "modules",
        "the module 'shop.martz'",
        "a module below platform/ or an installed one",
        "did you mean 'shop.marts'?",
    ),
    Mistake("conf/base/settings.yml", "sources", "nothing", "the root of the folders that files arrive in", "required"),
    Mistake(
        "conf/local/settings.yml",
        "business_time_zone",
        "'Europe/Londn'",
        "a time zone, like Europe/London",
        "did you mean 'Europe/London'?",
    ),
    Mistake("conf/local/settings.yml", "warehouse", "${LAKE_THAT_IS_NOT_SET}", "a variable that is set", "set it"),
    Mistake(
        "conf/local/settings.yml",
        "paralel",
        "an unknown key",
        "one of alerts, business_time_zone, lease",
        "'parallel'?",
    ),
    Mistake("conf/local/settings.yml", "parallel", "0", "how many tables are refreshed at once", "greater than"),
    Mistake(
        "conf/local/settings.yml", "lease", "{'heartbeat_s': 60, 'void_after_s': 60}", "void_after_s above heartbeat_s"
    ),
    Mistake("conf/local/settings.yml", "spark.driver_memory", "'lots'", "a size, like 2g", "match pattern"),
    Mistake(
        "conf/local/settings.yml",
        "spark.conf.spark.hadoop.fs.s3a.secret.key",
        "a secret in a file",
        "a reference like ${NAME}",
        "write ${SPARK_HADOOP_FS_S3A_SECRET_KEY}",
    ),
]

IMPORTS = [
    Mistake(f"{TABLES}/broken.py", "line 1", "invalid syntax: def broken(:", "Python that can be read"),
    Mistake(
        f"{TABLES}/early.py", "line 3", "builds columns at import", "columns built when", "move it into the function"
    ),
    Mistake(
        f"{TABLES}/typo.py",
        "line 1",
        "ImportError: cannot import name 'tabel'",
        "a module that can be imported",
        "did you mean 'table'?",
    ),
    Mistake(
        f"{TABLES}/shared.py",
        "silver.other.function",
        "copy, which makes silver.one already",
        "a function of its own for every table",
        "inside the template",
    ),
]

FED, KEYS, UPSERT, INPUTS = "bronze.fed", "silver.keys", "silver.upsert", "silver.inputs"
UNKNOWN_TYPE = "a type of Spark"

IN_BRONZE = [
    Mistake("bronze", "Bronze.Till.name", "'Bronze.Till'", "layer.table", "lower-case"),
    Mistake("bronze", "quarantine.till.name", "the layer 'quarantine'", "a layer of your own", "the engine keeps"),
    Mistake("bronze", f"{FED}.columns._source_row", "the name '_source_row'", "another name", "adds this column"),
    Mistake("bronze", f"{FED}.inputs.files.path", "the absolute path '/mnt/till'", "a path below", "`sources`"),
    Mistake("bronze", f"{FED}.inputs.files.format", "'cvs'", "csv or parquet", "did you mean 'csv'?"),
    Mistake("bronze", f"{FED}.inputs.files.pattern", "''", "a text", "leave it out"),
    Mistake("bronze", f"{FED}.inputs.files.delimiter", "';;'", "one character", "like ';'"),
    Mistake(
        "bronze", f"{FED}.inputs.files.encoding", "'utf-9'", "an encoding that can be read line by line", "like UTF-8"
    ),
    Mistake(
        "bronze", "bronze.up.inputs.files.path", "the path '../till', which leaves", "a path below the source root"
    ),
    Mistake("bronze", "bronze.up.inputs.files.header", "'yes'", "True or False"),
    Mistake("bronze", "bronze.up.inputs.files.columns.a", "the type 'text'", UNKNOWN_TYPE, "did you mean 'string'?"),
    Mistake("bronze", "bronze.up.write", "Recompute fed by a folder", "a table whose changes touch", "bronze table"),
    Mistake("bronze", "bronze.two.inputs", "folders a, b", "one folder", "make a bronze table of each"),
    Mistake("bronze", "bronze_x.y.name", "bronze_x.y beside bronze.x_y", "names that differ by more", "rename one"),
]

IN_SILVER = [
    Mistake("silver", "silver.columns.columns.id", "the type 'strin'", UNKNOWN_TYPE, "did you mean 'string'?"),
    Mistake("silver", "silver.columns.columns.id2", "'int'", "a comma, NOT NULL"),
    Mistake("silver", "silver.columns.columns.amount", "the name 'amount' twice", "names that differ", "rename one"),
    Mistake("silver", "silver.columns.columns._verdict", "the name '_verdict'", "a name that does not", "the engine"),
    Mistake("silver", "silver.columns.columns.d", "decimal(40,2)", "a precision of 1 to 38"),
    Mistake("silver", f"{KEYS}.keys", "'lineid'", "a column of silver.keys", "did you mean 'line_id'?"),
    Mistake("silver", f"{KEYS}.keys", "'line_id' twice", "each column once"),
    Mistake("silver", f"{KEYS}.keys", "5", "the name of a column, as text"),
    Mistake("silver", f"{KEYS}.time", "line_id string", "a column that is date or timestamp or timestamp_ntz"),
    Mistake("silver", f"{KEYS}.rows", "'sam'", "same or any", "did you mean 'same'?"),
    Mistake("silver", f"{KEYS}.owner", "' '", "the team that answers for the table", "like owner="),
    Mistake("silver", f"{KEYS}.docstring", "nothing", "one sentence: what a row is", "docstring"),
    Mistake("silver", f"{UPSERT}.keys", "nothing", "the columns that make a row one of its kind", "an Upsert finds"),
    Mistake("silver", f"{UPSERT}.write.order_by", "tags array<string>", "a type with an order", "time of change"),
    Mistake("silver", f"{UPSERT}.write.locate_by", "amount double", "a column that is date or"),
    Mistake("silver", f"{UPSERT}.write.locate_by", "'sold_off'", "a column of silver.upsert", "'sold_on'?"),
    Mistake("silver", f"{UPSERT}.write.delete_when", "' '", "a SQL condition", "leave it out"),
    Mistake("silver", f"{UPSERT}.write.tombstones", "datetime.timedelta(0)", "a positive timedelta", "days=90"),
    Mistake("silver", f"{UPSERT}.write.tombstones", "a horizon in time, with order_by tags", "an order_by that is"),
    Mistake("silver", "silver.late.write.tombstones", "a horizon in time, with order_by changed int", "an order_by"),
    Mistake("silver", "silver.late.time", "'sold_one'", "a column of silver.late", "there is: changed, line_id"),
    Mistake("silver", f"{INPUTS}.inputs.lines", "the table 'bronze.tills'", "a table of the project", "'bronze.till'?"),
    Mistake("silver", f"{INPUTS}.inputs.products", "'silver.products'", "changes(...)", 'changes("silver.products")'),
    Mistake("silver", f"{INPUTS}.inputs.rates", "5", "the name of a table, as text"),
    Mistake("silver", f"{INPUTS}.function", "inputs(lines, product)", "inputs(lines, products, rates)", "named like"),
    Mistake("silver", f"{INPUTS}.write", "the class Upsert", "Append(), Upsert(...)", "call it: Upsert(...)"),
    Mistake("silver", "silver.looked_up.inputs", "only snapshots: lines", "an input that drives", "changes(...)"),
    Mistake("silver", "silver.looked_up.columns", "None", "columns as text", "line_id string"),
    Mistake("silver", "silver.no_inputs.inputs", "no input", "parameter names with changes(...)", "like {"),
    Mistake("silver", "silver.twice.name", "the name a second time, after again() in", "one function", "rename one"),
]

IN_GOLD = [
    Mistake("gold", "gold.sales.rows", "'same' with Recompute", "any", "leave rows out"),
    Mistake("gold", "gold.sales.write.by", "'month'", "a column of gold.sales", "there is: n, shop, sold_at"),
    Mistake("gold", "gold.sales.write.by", "'shop', which bronze.till lacks", "a column of bronze.till", "Or add"),
    Mistake(
        "gold", "gold.sales.write.by", "sold_at date, which is timestamp in bronze.till", "one type", "found again"
    ),
    Mistake("gold", "gold.whole.write.by", "nothing", "the columns of a group", "Recompute(by="),
    Mistake("gold", "gold.egg.inputs", "gold.egg -> gold.hen -> gold.egg", "a graph without circles", "take one"),
]

PLANTED = CONF + IMPORTS + IN_BRONZE + IN_SILVER + IN_GOLD


@pytest.fixture(scope="module")
def told(write_files: WriteFiles, tmp_path_factory: pytest.TempPathFactory) -> list[Problem]:
    """All that is told about the project."""
    root = write_files(
        tmp_path_factory.mktemp("project"),
        {
            "conf/base/project.yml": PROJECT,
            "conf/base/settings.yml": BASE,
            "conf/local/settings.yml": OVERLAY,
            "platform/shop/marts.py": "",
            f"{TABLES}/bronze.py": HEAD + BRONZE,
            f"{TABLES}/silver.py": HEAD.replace("from aurify", "from datetime import timedelta\n    from aurify")
            + SILVER,
            f"{TABLES}/gold.py": HEAD + GOLD,
            **{f"{TABLES}/{name}": text for name, text in STOPPED.items()},
        },
    )
    with pytest.raises(ConfigurationError) as error:
        read_definition(root, "local")
    assert error.value.exit_code == 2
    return list(error.value.problems)


def _is(problem: Problem, mistake: Mistake) -> bool:
    where = mistake.where if "/" in mistake.where else f"{TABLES}/{mistake.where}.py"
    return (
        (problem.where, problem.key) == (where, mistake.key)
        and problem.found.startswith(mistake.found)
        and problem.expected.startswith(mistake.expected)
        and mistake.hint in problem.hint
    )


@pytest.mark.parametrize("mistake", PLANTED, ids=lambda mistake: f"{Path(mistake.where).stem} {mistake.key}")
def test_a_planted_mistake_is_told_once_with_file_key_found_expected_and_hint(
    told: list[Problem], mistake: Mistake
) -> None:
    near = "\n".join(str(p) for p in told if p.key == mistake.key) or "nothing under this key"
    assert sum(_is(problem, mistake) for problem in told) == 1, near


def test_nothing_is_told_that_was_not_planted(told: list[Problem]) -> None:
    assert [problem for problem in told if not any(_is(problem, mistake) for mistake in PLANTED)] == []


def test_more_than_twenty_five_kinds_were_planted_and_no_secret_is_repeated(told: list[Problem]) -> None:
    assert len(told) == len(PLANTED) >= 25
    assert "hunter2" not in str(told)


ANYTHING: list[Any] = [None, 5, "", "a", "a int", [], ["a"], [["a"]], {}, {"a": 1}, b"x", Upsert, len, timedelta(-1)]
anything = st.sampled_from(ANYTHING)
any_call: Any = st.builds
modes = anything | any_call(Upsert, anything, anything, anything, anything) | any_call(Recompute, anything)
sources = anything | any_call(changes, anything) | any_call(snapshot, anything)
folders = any_call(folder, anything, columns=anything, format=anything, delimiter=anything, encoding=anything)


@settings(max_examples=200, deadline=None)
@given(
    options=st.fixed_dictionaries(
        {
            "inputs": anything | st.dictionaries(st.just("lines"), sources | folders),
            "write": modes | st.just(Append()),
            **dict.fromkeys(("columns", "keys", "time", "rows", "owner"), anything),
        }
    ),
    name=anything,
)
def test_values_of_the_wrong_python_type_are_told_too(options: dict[str, Any], name: Any) -> None:
    def function(lines: Any) -> Any:
        return lines

    spec = getattr(table(name, **options)(function), ATTRIBUTE)
    problems = check_specs([spec], Path("/"))
    assert problems
    assert all(problem.found and problem.expected for problem in problems)


def test_no_jvm_was_started() -> None:
    assert pyspark.SparkContext._gateway is None
