"""The command line without a JVM: help, errors, exit codes, JSON, and what `plan`, `new-table` and `generate` do."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from aurify.cli import balance
from aurify.cli.command import Answer, project_command
from aurify.cli.main import COMMANDS, main
from aurify.cli.progress import log_step
from aurify.errors import AurifyError, ConfigurationError, DataError, EnvironmentFailure, Problem
from aurify.workflows import quarantine_summary
from aurify.workflows.run import Step

WriteProject = Callable[[Mapping[str, str]], Path]

LINES = """
    from aurify import Append, folder, table

    @table("bronze.lines", inputs={"rows": folder("lines")}, columns="code string, name string PII",
           write=Append(), owner="shop")
    def lines(rows):
        "One row per line."
        return rows
"""
GOOD = {"platform/shop/tables/bronze_lines.py": LINES, "landing/lines/monday.csv": "code,name\na,Ann\n"}
FAKE_JAVA = """#!/bin/sh
echo started >> "{marker}"
case "$*" in *XshowSettings*)
  printf '    java.specification.version = 17\\n    java.home = {home}\\n' >&2
  exit 0
esac
exit 1
"""


def aurify(*arguments: object) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="aurify")


def aurify_process(marker: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a process, where every Java there is leaves a mark."""
    java = marker.parent / "fake_java" / "bin" / "java"
    java.parent.mkdir(parents=True, exist_ok=True)
    java.write_text(FAKE_JAVA.format(marker=marker, home=java.parent.parent))
    java.chmod(0o755)
    env = {**os.environ, "JAVA_HOME": str(java.parent.parent), "PATH": f"{java.parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "aurify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=300)


def verbs() -> list[str]:
    """Every command, and each of those of a group."""
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in COMMANDS}
    groups = {name: command.commands for name, command in found.items() if isinstance(command, click.Group)}
    return sorted([*(found.keys() - groups.keys()), *(f"{name} {verb}" for name in groups for verb in groups[name])])


@pytest.mark.parametrize("name", verbs())
def test_every_command_has_help_with_an_example(name: str) -> None:
    shown = aurify(*name.split(), "--help")
    assert shown.exit_code == 0
    assert "Examples:\n" in shown.output
    assert f"    aurify {name} " in shown.output or f"    aurify {name}\n" in shown.output
    for option in ("--env", "--project", "--json", "--debug"):
        assert option in shown.output


def test_the_list_of_commands_is_whole_and_not_cut_off() -> None:
    listed = aurify("--help").output
    assert "..." not in listed.split("Commands:")[1].split("Start with")[0]
    assert all(f"\n  {name} " in listed for name in COMMANDS)


def test_help_imports_neither_spark_nor_delta_nor_rich() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from aurify.cli.main import COMMANDS, main\n"
        "for call in [['--help'], *([name, '--help'] for name in COMMANDS)]:\n"
        "    assert CliRunner().invoke(main, call).exit_code == 0\n"
        "print(sorted({'pyspark', 'deltalake', 'pyarrow', 'pandas', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_an_unknown_command_names_the_closest() -> None:
    ended = aurify("refrsh")
    assert ended.exit_code == 2
    assert "no command 'refrsh': did you mean 'refresh'?" in ended.stderr


def test_a_usage_error_ends_with_2_and_is_a_document_with_json() -> None:
    assert aurify("restore", "silver.x").exit_code == 2
    ended = aurify("restore", "silver.x", "--json")
    assert ended.exit_code == 2
    assert "--to" in json.loads(ended.stdout)["error"]


PROBLEM = Problem("silver.x", "a cat", "a dog", "look again", "pet")


@pytest.mark.parametrize(
    ("raised", "exit_code", "told"),
    [
        (DataError("pets", [PROBLEM]), 1, "silver.x: pet: found a cat"),
        (ConfigurationError("pets", [PROBLEM]), 2, "expected a dog"),
        (EnvironmentFailure("pets", [PROBLEM]), 3, "hint: look again"),
        (ZeroDivisionError("by zero"), 3, "ZeroDivisionError: by zero\nHint: --debug"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_end_with_their_exit_code_and_without_a_traceback(
    raised: BaseException, exit_code: int, told: str
) -> None:
    @project_command("fail", "aurify fail")
    def fail() -> Answer:
        raise raised

    ended = CliRunner().invoke(fail, [])
    assert (ended.exit_code, ended.stdout) == (exit_code, "")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    document = json.loads(CliRunner().invoke(fail, ["--json"]).stdout)
    assert document["exit_code"] == exit_code
    assert document["kind"] in (type(raised).__name__, "Interrupted")
    assert document["problems"] == ([PROBLEM.as_dict()] if isinstance(raised, AurifyError) else [])
    if exit_code != 130:
        assert "Traceback" in CliRunner().invoke(fail, ["--debug"]).stderr


def test_with_json_what_table_code_prints_goes_to_stderr(tmp_path: Path) -> None:
    script = tmp_path / "noisy.py"
    script.write_text(
        "import os\n"
        "from aurify.cli.command import Answer, project_command\n"
        "@project_command('noisy', 'aurify noisy')\n"
        "def noisy():\n"
        "    print('by Python')\n"
        "    os.system('echo by a child')\n"
        "    return Answer({'done': True}, lambda console: console.print('done'))\n"
        "noisy()\n"
    )
    ran = subprocess.run([sys.executable, script, "--json"], capture_output=True, text=True, check=False, timeout=60)
    assert json.loads(ran.stdout) == {"done": True}
    assert "by Python" in ran.stderr
    assert "by a child" in ran.stderr


def test_configuration_mistakes_are_told_all_at_once_before_any_java_starts(
    write_project: WriteProject, tmp_path: Path
) -> None:
    wrong = LINES.replace("code string", "code strin").replace('owner="shop"', 'owner=""')
    overlay = "paralel: 3\n"
    root = write_project({**GOOD, "platform/shop/tables/bronze_lines.py": wrong, "conf/local/settings.yml": overlay})
    marker = tmp_path / "java_started"
    ended = aurify_process(marker, "refresh", "--project", root, "--json")
    document = json.loads(ended.stdout)
    assert ended.returncode == 2
    assert {problem["key"] for problem in document["problems"]} >= {"paralel", "bronze.lines.owner"}
    assert any("strin" in problem["found"] for problem in document["problems"])
    assert not marker.exists()


def test_the_trap_for_java_works_and_a_broken_java_is_the_environments_fault(
    write_project: WriteProject, tmp_path: Path
) -> None:
    marker = tmp_path / "java_started"
    ended = aurify_process(marker, "refresh", "--project", write_project(GOOD), "--json")
    assert ended.returncode == 3, ended.stderr
    assert json.loads(ended.stdout)["exit_code"] == 3
    assert marker.exists()
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "silver.*"], "nothing that it matches"),
        (["refresh", "bronze.line"], "did you mean 'bronze.lines'?"),
        (["quarantine", "bronze.line"], "no such table"),
        (["batch", "bronze.line"], "no such table"),
        (["files", "bronze.line"], "no such table"),
        (["runs", "bronze.line"], "no such table"),
        (["restore", "bronze.line", "--to", 1], "no such table"),
        (["accept-change", "bronze.line", 1], "no such table"),
        (["maintain", "bronze.line"], "nothing that it matches"),
        (["plan", "--env", "locale"], "did you mean 'local'?"),
        (["new-table", "bronze.lines"], "a new name"),
        (["new-table", "Lines"], "layer.table"),
        (["new-table", "silver.lines"], "--reads"),
        (["new-table", "silver.lines", "--reads", "bronze.line"], "did you mean 'bronze.lines'?"),
        (["generate"], "no generator"),
        (["batch", "bronze.lines", 1, "accept", "--reason", "x"], "no batch is stopped"),
        (["files", "bronze.lines", "reject", "tuesday.csv", "--reason", "x"], "no such file"),
    ],
)
def test_a_wrong_name_ends_with_2_and_says_what_is_right(
    write_project: WriteProject, arguments: list[object], told: str
) -> None:
    ended = aurify(*arguments, "--project", write_project(GOOD))
    assert ended.exit_code == 2, ended.output
    assert told in ended.stderr
    assert ended.stdout == ""


def test_a_mistake_in_a_suite_ends_every_command_with_2(write_project: WriteProject) -> None:
    suite = "table: bronze.lines\nexpectations:\n  - expect_column_values_to_not_be_null: {column: cod}\n"
    root = write_project({**GOOD, "quality/suites/bronze_lines.yml": suite})
    for command in ("plan", "refresh", "maintain"):
        ended = aurify(command, "--project", root)
        assert ended.exit_code == 2
        assert "did you mean 'code'?" in ended.stderr


def test_a_plan_tells_files_rows_and_what_is_left_out(write_project: WriteProject) -> None:
    root = write_project({**GOOD, "landing/lines/tuesday.csv": "code;nome\nb;Bob\n"})
    ended = aurify("plan", "--project", root, "--json")
    assert ended.exit_code == 1, ended.output
    (table,) = json.loads(ended.stdout)["tables"]
    assert (table["action"], table["batch"], table["files"], table["rows"]) == ("refresh", 1, 1, 1)
    assert [file["path"] for file in table["left_out"]] == ["tuesday.csv"]
    shown = aurify("plan", "--project", root)
    assert (shown.exit_code, shown.stderr) == (1, "")
    assert "bronze.lines" in shown.stdout
    assert "tuesday.csv" in shown.stdout
    assert not (root / "lake").exists()


def test_files_left_out_are_listed_until_they_are_rejected_by_name(write_project: WriteProject) -> None:
    root = write_project({**GOOD, "landing/lines/tuesday.csv": ""})
    listed = aurify("files", "bronze.lines", "--project", root, "--json")
    assert listed.exit_code == 1, listed.output
    assert [(f["path"], f["kind"]) for f in json.loads(listed.stdout)["left_out"]] == [("tuesday.csv", "zero_bytes")]
    reject = ("files", "bronze.lines", "reject", "tuesday.csv", "--project", root)
    assert aurify(*reject).exit_code == 2
    assert aurify(*reject, "--reason", "sent again tomorrow").exit_code == 0
    listed = aurify("files", "bronze.lines", "--project", root, "--json")
    assert listed.exit_code == 0
    assert json.loads(listed.stdout)["rejected"][0]["reason"] == "sent again tomorrow"


def test_before_the_first_refresh_runs_and_batches_are_empty(write_project: WriteProject) -> None:
    root = write_project(GOOD)
    assert json.loads(aurify("runs", "--project", root, "--json").stdout) == {"runs": []}
    for command in ("runs", "batch"):
        ended = aurify(command, "bronze.lines", "--project", root, "--json")
        assert json.loads(ended.stdout) == {"table": "bronze.lines", "batches": []}
        assert "aurify refresh bronze.lines" in aurify(command, "bronze.lines", "--project", root).stdout


SILVER = """
    from aurify import Upsert, changes, table

    @table("silver.lines", inputs={"rows": changes("bronze.lines")}, keys=["code"],
           columns="code string, amount decimal(12,2), tags array<string>, changed_at timestamp",
           write=Upsert(order_by="changed_at"), owner="shop")
    def lines(rows):
        "One row per code."
        return rows
"""
FILES = {
    **GOOD,
    "platform/shop/tables/silver_lines.py": SILVER,
    "new.csv": "Code No;Näme;class\n" + "1;x;a\n2;;b\n" * 60,
}


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("bronze.sales", [], 'folder("sales", pattern="*.csv*")'),
        ("bronze.sales", ["--from", "new.csv"], "`Code No` string,\n        `Näme` string"),
        ("bronze.sales", ["--from", "new.parquet"], 'format="parquet"'),
        ("silver.sales", ["--reads", "bronze.lines"], 'F.col("_delivered_at").alias("changed_at")'),
        ("silver.sales", ["--reads", "silver.lines"], 'Upsert(order_by="changed_at")'),
        ("gold.sales", ["--reads", "silver.lines"], 'Recompute(by=["amount"])'),
        ("gold.sales", ["--reads", "bronze.lines"], 'Recompute(by=["code"])'),
    ],
)
def test_a_new_table_is_right_at_once_and_nothing_is_overwritten(
    write_project: WriteProject, monkeypatch: pytest.MonkeyPatch, name: str, more: list[str], expected: str
) -> None:
    root = write_project(FILES)
    pq.write_table(pa.table({"id": [1, 2], "at": pa.array([0, None], pa.timestamp("ns"))}), root / "new.parquet")
    (root / "landing/sales").mkdir()
    monkeypatch.chdir(root)
    made = aurify("new-table", name, *more, "--json")
    assert made.exit_code == 0, made.output
    document: dict[str, Any] = json.loads(made.stdout)
    text = (root / document["file"]).read_text(encoding="utf-8")
    assert expected in text
    assert max(map(len, text.splitlines())) <= 120
    compile((root / document["test"]).read_text(encoding="utf-8"), document["test"], "exec")
    plan = aurify("plan", name)
    assert plan.exit_code == 0, plan.output
    again = aurify("new-table", name.replace("sales", "other"), *more)
    assert again.exit_code == 0, again.output
    assert "next: " in again.stdout
    assert ("files go into" in again.stdout) == name.startswith("bronze.")
    (root / document["file"]).unlink()
    refused = aurify("new-table", name, *more)
    assert refused.exit_code == 2
    assert document["suite"] in refused.stderr
    assert not (root / document["file"]).exists()


def test_a_suite_from_a_file_says_what_its_rows_are_like(
    write_project: WriteProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_project(FILES)
    monkeypatch.chdir(root)
    aurify("new-table", "bronze.sales", "--from", "new.csv")
    suite = (root / "quality/suites/bronze_sales.yml").read_text(encoding="utf-8")
    assert 'expect_column_values_to_not_be_null: {column: "Code No", on_fail: warn}' in suite
    assert "Näme" not in suite
    assert 'column: class\n      value_set: ["a", "b"]\n      on_fail: warn' in suite


GENERATOR = """
    from pathlib import Path

    def generate(out: Path, days: int, rows: int = 10, late_share: float = 0.0) -> dict[str, object]:
        return {"out": str(out), "days": days, "rows": rows, "late_share": late_share}
"""
GENERATING = {
    **GOOD,
    "conf/base/project.yml": "project: shop\nmodules: [shop.tables]\ngenerator: shop.generate:generate\n",
    "platform/shop/generate.py": GENERATOR,
}


def test_the_generator_gets_its_arguments_as_its_signature_says(write_project: WriteProject) -> None:
    root = write_project(GENERATING)
    ended = aurify("generate", "--days", 3, "--set", "late_share=0.25", "--project", root, "--json")
    assert ended.exit_code == 0, ended.output
    made = {"out": str(root / "landing"), "days": 3, "rows": 10, "late_share": 0.25}
    assert json.loads(ended.stdout) == made


def test_wrong_arguments_of_the_generator_are_told_all_at_once(write_project: WriteProject) -> None:
    root = write_project(GENERATING)
    wrong = ("--seed", 7, "--set", "late_shar=1", "--set", "late_share=much")
    ended = aurify("generate", *wrong, "--project", root)
    assert ended.exit_code == 2
    assert "did you mean 'late_share'?" in ended.stderr
    assert "late_share: found 'much'" in ended.stderr
    assert "seed: found the argument seed" in ended.stderr
    assert "days: found nothing" in ended.stderr


def test_without_a_terminal_a_step_is_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="aurify"):
        log_step(Step("r1", "silver.lines", "batch 3", "staged", 1.26))
        log_step(Step("r1", "", "", "ledger", 2.0))
    assert caplog.messages == ["silver.lines batch 3: staged (1.3 s)", "run r1: ledger (2.0 s)"]


def test_personal_values_are_masked_wherever_a_quarantined_row_has_them() -> None:
    reason = {"id": "pair", "rule": "...", "columns": ["code", "name"], "values": ["a", "Ann"]}
    row = {"code": "a", "name": "Ann", "_failed": [reason], "_raw": {"_malformed": "a,Ann,1", "code": "a"}}
    shown = quarantine_summary.masked(row, {"name"})
    assert "Ann" not in json.dumps(shown)
    assert shown["_failed"][0]["values"] == ["a", "***"]
    assert shown["_raw"] == {"_malformed": "***", "code": "a"}
    assert quarantine_summary.masked(row, set()) == row


@pytest.mark.parametrize("module", [balance, quarantine_summary], ids=lambda module: str(module.__name__))
def test_examples_in_docstrings_are_true(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
