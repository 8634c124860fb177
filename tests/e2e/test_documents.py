"""What the project shows works: notebooks, the README's Python, every command that a document names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

import aurify
from aurify.cli.main import COMMANDS, main
from retail.generate import generate

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
SHOWN = {
    "01_explore": "silver.pos_lines",
    "03_train_and_compare": "average_precision: +0.0000 between",
    "04_read_drift": "version_1/index.html",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[Path]:
    """A lake of two days, and card payments of five weeks, refreshed."""
    home = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AURIFY_WAREHOUSE", str(home / "warehouse"))
        patch.setenv("AURIFY_SOURCES", str(home / "sources"))
        patch.chdir(ROOT)
        generate(spark, str(home / "sources"), days=2, rows_per_day=300, payments_per_day=250, history=33)
        assert aurify.connect("local").refresh().exit_code == 0
        yield home


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_with_the_spark_that_is_there(
    notebook: Path, shop: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    source = notebook.read_text(encoding="utf-8")
    assert source.startswith("# Databricks notebook source\n")
    exec(compile(source, str(notebook), "exec"), {"spark": spark, "__name__": "__main__"})  # noqa: S102
    assert SHOWN[notebook.stem] in capsys.readouterr().out


def test_the_python_of_the_readme_runs(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102
    assert "net_amount" in capsys.readouterr().out


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"\baurify (?!import)([a-z][a-z-]+)", document.read_text(encoding="utf-8")))
    unknown = sorted(name for name in named if name not in COMMANDS)
    assert unknown == []
    for name in named:
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
