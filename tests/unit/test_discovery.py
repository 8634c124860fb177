"""Specs are found in the modules that the project names; what stops an import is told, and no JVM starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyspark
import pytest

from aurify.config.project import Project, load_project
from aurify.errors import ConfigurationError, Problem
from aurify.tables.discovery import discover, read_definition

WriteProject = Callable[[Mapping[str, str]], Path]
WriteFiles = Callable[[Path, Mapping[str, str]], Path]

HEAD = """
    from aurify import Append, changes, folder, table
"""
LINES = (
    HEAD
    + """
    @table("bronze.lines", inputs={"files": folder("till")}, columns="a string", write=Append(), owner="team")
    def lines(files):
        "One row per till line."
        return files
"""
)


def _problems(write_project: WriteProject, files: dict[str, str], modules: tuple[str, ...] = ()) -> list[Problem]:
    root = write_project(files)
    with pytest.raises(ConfigurationError) as error:
        discover(Project(project="shop", modules=modules or ("shop.tables",)), root)
    return list(error.value.problems)


def test_tables_of_all_modules_below_the_named_ones_are_found(write_project: WriteProject) -> None:
    later = LINES.replace("bronze.lines", "bronze.a_lines").replace("def lines", "def a_lines")
    root = write_project({"platform/shop/tables/lines.py": LINES, "platform/shop/tables/deep/__init__.py": later})
    specs = discover(load_project(root), root)
    assert list(specs) == ["bronze.a_lines", "bronze.lines"]
    assert specs["bronze.lines"].file == str(root / "platform/shop/tables/lines.py")


def test_a_function_that_another_module_imports_is_one_table(write_project: WriteProject) -> None:
    files = {"platform/shop/tables/lines.py": LINES, "platform/shop/tables/all.py": "from shop.tables.lines import *\n"}
    root = write_project(files)
    assert list(discover(load_project(root), root)) == ["bronze.lines"]


def test_a_template_makes_as_many_tables_as_its_list_is_long(write_project: WriteProject) -> None:
    template = (
        HEAD
        + """
    def raw(name):
        @table(f"bronze.{name}", inputs={"files": folder(name)}, columns="a string", write=Append(), owner="team")
        def copy(files):
            "One row per line of the file."
            return files
        return copy

    TABLES = [raw(f"t{number:03}") for number in range(200)]
    BY_NAME = {"x": raw("x"), "more": (raw("y"), raw("z"))}
    """
    )
    root = write_project({"platform/shop/tables/all.py": template})
    assert len(discover(load_project(root), root)) == 203


def test_a_second_project_with_modules_of_the_same_name_is_read_afresh(
    write_project: WriteProject, write_files: WriteFiles, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = write_project({"platform/shop/tables/lines.py": LINES})
    other = write_files(
        tmp_path_factory.mktemp("other"), {"platform/shop/tables/lines.py": LINES.replace("bronze.", "raw.")}
    )
    assert list(discover(load_project(first), first)) == ["bronze.lines"]
    assert list(discover(load_project(other), other)) == ["raw.lines"]


COLUMNS_AT_IMPORT = ["F.col('a')", "F.lit(1)", "F.expr('a + 1')", "F.upper('a')", "F.udf(len, 'int')", "F.struct('a')"]


@pytest.mark.parametrize("expression", COLUMNS_AT_IMPORT)
def test_columns_built_at_import_are_a_named_mistake(write_project: WriteProject, expression: str) -> None:
    text = f"from pyspark.sql import functions as F\n\nAMOUNT = {expression}\n"
    assert _problems(write_project, {"platform/shop/tables/sales.py": text}) == [
        Problem(
            where="platform/shop/tables/sales.py",
            key="line 3",
            found="builds columns at import",
            expected="columns built when the function is called",
            hint="move it into the function",
        )
    ]


SESSIONS = ["SparkSession.builder.getOrCreate()", "SparkContext()", "SparkContext.getOrCreate()"]


@pytest.mark.parametrize("expression", SESSIONS)
def test_a_session_at_import_is_a_named_mistake_and_never_starts(write_project: WriteProject, expression: str) -> None:
    text = f"from pyspark import SparkContext\nfrom pyspark.sql import SparkSession\n\nspark = {expression}\n"
    problem = _problems(write_project, {"platform/shop/tables/sales.py": text})[0]
    assert (problem.key, problem.found) == ("line 4", "starts a Spark session at import")
    assert pyspark.SparkContext._gateway is None


STOPPERS = {
    "syntax": ("def x(:\n    pass\n", "line 1", "invalid syntax: def x(:", ""),
    "a name aurify lacks": (
        "from aurify import chnages\n",
        "line 1",
        "ImportError: cannot import name 'chnages' from 'aurify'",
        "did you mean 'changes'?",
    ),
    "an attribute aurify lacks": (
        "import aurify\n\n@aurify.tabel\ndef f(): ...\n",
        "line 3",
        "AttributeError: module 'aurify' has no attribute 'tabel'",
        "did you mean 'table'?",
    ),
    "a module of the project that is not there": (
        "import shop.tables.liens\n",
        "line 1",
        "ModuleNotFoundError: No module named 'shop.tables.liens'",
        "did you mean 'lines'?",
    ),
    "a package that is not installed": (
        "import nosuchpackage\n",
        "line 1",
        "ModuleNotFoundError: No module named 'nosuchpackage'",
        "install it, or mend the name",
    ),
    "anything": ("x = 1\ny = {}['k']\n", "line 2", "KeyError: 'k'", ""),
    "exit": ("import sys\nsys.exit(3)\n", "line 2", "SystemExit: 3", ""),
}


@pytest.mark.parametrize("name", STOPPERS)
def test_what_stops_an_import_is_told_with_file_and_line(write_project: WriteProject, name: str) -> None:
    text, key, found, hint = STOPPERS[name]
    files = {"platform/shop/tables/lines.py": LINES, "platform/shop/tables/sales.py": text}
    problem = _problems(write_project, files)[0]
    assert (problem.where, problem.key) == ("platform/shop/tables/sales.py", key)
    assert problem.found.startswith(found)
    assert (problem.hint, bool(problem.expected)) == (hint, True)


def test_a_module_that_the_project_names_and_has_not_is_a_mistake_of_the_project_file(
    write_project: WriteProject,
) -> None:
    problem = _problems(write_project, {}, modules=("shop.tabels",))[0]
    assert (problem.where, problem.key, problem.found) == (
        "conf/base/project.yml",
        "modules",
        "the module 'shop.tabels'",
    )
    assert problem.hint == "did you mean 'shop.tables'?"


def test_a_table_of_a_file_that_cannot_be_imported_is_not_called_unknown(write_project: WriteProject) -> None:
    reader = LINES.replace("bronze.lines", "silver.lines").replace('folder("till")', 'changes("bronze.lines")')
    reader = reader.replace("write=Append()", 'keys="a", write=Append()')
    files = {"platform/shop/tables/bronze.py": LINES + "    )\n", "platform/shop/tables/silver.py": reader}
    assert [p.where for p in _problems(write_project, files)] == ["platform/shop/tables/bronze.py"]


def test_a_definition_holds_project_settings_and_specs(write_project: WriteProject) -> None:
    root = write_project({"platform/shop/tables/lines.py": LINES})
    definition = read_definition(root, "local")
    assert definition.settings.path_of("bronze.lines") == f"{root}/lake/bronze/lines"
    assert (definition.project.project, list(definition.specs)) == ("shop", ["bronze.lines"])


def test_mistakes_of_project_settings_and_specs_are_told_together(write_project: WriteProject) -> None:
    root = write_project(
        {
            "conf/base/project.yml": "project: shop\nmodules: [shop.tables]\nsuite: x\n",
            "conf/local/settings.yml": "paralel: 2\n",
            "platform/shop/tables/lines.py": LINES.replace('owner="team"', 'rows="some", owner=""'),
        }
    )
    with pytest.raises(ConfigurationError) as error:
        read_definition(root, "local")
    assert [p.key for p in error.value.problems] == ["suite", "paralel", "bronze.lines.owner", "bronze.lines.rows"]


def test_an_overlay_places_tables_that_there_are_at_paths_of_their_own(write_project: WriteProject) -> None:
    overlay = "tables: {bronze.liens: {path: x}, bronze.lines: {path: lake/bronze/more}}\n"
    more = LINES.replace("bronze.lines", "bronze.more")
    files = {"platform/shop/tables/lines.py": LINES, "platform/shop/tables/more.py": more}
    root = write_project({**files, "conf/local/settings.yml": overlay})
    with pytest.raises(ConfigurationError) as error:
        read_definition(root, "local")
    assert [(p.where.split("/")[1], p.key, p.hint) for p in error.value.problems] == [
        ("local", "tables.bronze.liens", "did you mean 'bronze.lines'?"),
        ("local", "tables.bronze.lines", "move one of them"),
    ]


def test_no_jvm_was_started() -> None:
    assert pyspark.SparkContext._gateway is None
