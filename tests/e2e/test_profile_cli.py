"""`aurify profile` on the project's own data: a suite that loads, finds the planted habits, and overwrites nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pyspark.sql import SparkSession

import aurify
from aurify.cli.main import main
from aurify.quality import load_suite
from retail.generate import generate

ROOT = Path(__file__).parents[2]


def run(*arguments: object, exit_code: int = 0) -> Result:
    """The command in this process."""
    ended = CliRunner().invoke(main, ["profile", *map(str, arguments), "--project", str(ROOT)], prog_name="aurify")
    assert ended.exit_code == exit_code, ended.output
    return ended


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[Path]:
    """Two days of tills, refreshed up to the clean lines."""
    home = tmp_path_factory.mktemp("profiled shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AURIFY_WAREHOUSE", str(home / "warehouse"))
        patch.setenv("AURIFY_SOURCES", str(home / "sources"))
        generate(spark, str(home / "sources"), days=2, rows_per_day=2000)
        assert aurify.connect("local", ROOT).refresh("+silver.pos_lines").exit_code == 0
        yield home


def test_the_suite_of_the_tills_is_proposed_and_loads(shop: Path) -> None:
    output = shop / "proposed" / "pos_lines.yml"
    said = run("silver.pos_lines", "--output", output).stdout
    assert f"wrote {output}" in said
    text = output.read_text(encoding="utf-8")
    assert run("silver.pos_lines").stdout == text
    columns = aurify.connect("local", ROOT).spec("silver.pos_lines").schema
    suite = load_suite(output, "silver.pos_lines", columns)
    rules = {(rule.expectation.removeprefix("expect_column_"), *rule.columns): rule for rule in suite.rules}
    assert f"{len(rules)} rules" in said
    assert "United Kingdom" in str(rules["values_to_be_in_set", "country"].kwargs["value_set"])
    assert rules["values_to_match_regex", "customer_id"].kwargs["regex"] == r"^\d{5}$"
    assert rules["values_to_match_regex", "invoice_no"].kwargs["regex"]
    assert ("values_to_not_be_null", "quantity") in rules
    assert ("values_to_not_be_null", "line_id") not in rules

    refused = run("silver.pos_lines", "--output", output, exit_code=2)
    assert "choose another name" in refused.stderr
    assert output.read_text(encoding="utf-8") == text


def test_the_document_has_the_evidence_and_the_number_of_jobs(shop: Path) -> None:
    document: dict[str, Any] = json.loads(run("silver.pos_lines", "--json").stdout)
    assert document["spark_jobs"] <= 4
    assert document["written"] is None
    assert document["suite"].startswith("# Proposed from all")
    rules = [finding["rule"] for finding in document["findings"] if finding["rule"]]
    assert {"expect_column_values_to_not_be_null": {"column": "quantity"}} in rules
    assert all(finding["evidence"] for finding in document["findings"])


def test_a_file_of_the_tills_is_profiled_as_it_lies(shop: Path) -> None:
    file = next(path for path in sorted((shop / "sources").rglob("*.csv*")) if path.stat().st_size > 10_000)
    text = run("--file", file).stdout
    assert "{column: StockCode}" in text
    assert "Quantity" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["silver.pos_line"], "did you mean 'silver.pos_lines'?"),
        (["gold.daily_sales"], "it has no rows yet"),
        (["--file", "nowhere.csv"], "no file"),
        ([], "name a table"),
        (["silver.pos_lines", "--merge", "--output", "x.yml"], "one of them"),
        (["--merge", "--file", "x.csv"], "name it"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_right(shop: Path, arguments: list[str], told: str) -> None:
    ended = run(*arguments, exit_code=2)
    assert told in ended.stderr
    assert ended.stdout == ""
