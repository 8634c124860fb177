"""The generator on Spark: the same files for the same seed, and faults that the gate finds as the answers say."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.quality import assay, checks_of, load_suite
from aurify.sources import Delivery, FolderOptions, check_files, list_files, read_files
from aurify.tables.inputs import folder_options, target_of
from aurify.tables.spec import TableSpec
from aurify.tables.transform import built_in_checks, castable_columns, contract_rows
from retail.generate import GeneratedReport, generate
from retail.generate.answers import FILES, Answer, Record
from retail.generate.faults import BRONZE, SILVER
from retail.tables import bronze_pos_lines, silver_pos_lines

SUITES = Path(__file__).parents[2] / "quality/suites"
Found = set[tuple[str, int, str, tuple[str, ...], str]]


def spec_of(module: ModuleType) -> TableSpec:
    spec: TableSpec = module.pos_lines.__aurify_table__
    return spec


def options() -> FolderOptions:
    folder = spec_of(bronze_pos_lines).folder
    assert folder is not None
    return folder_options(folder)


def contents(folder: str) -> dict[str, tuple[bytes, float]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime) for p in sorted(Path(folder).iterdir())}


def judged(module: ModuleType, name: str, lines: DataFrame) -> DataFrame:
    """The function's rows as the gate sees them: verdict, and the ids of all failed rules, warnings too."""
    spec = spec_of(module)
    target = target_of(spec, "unused", "unused")
    made = module.pos_lines(lines)
    suite = load_suite(SUITES / f"{name}.yml", spec.name, spec.schema)
    checks = [*built_in_checks(spec, target, castable_columns(target, made)), *checks_of(suite, target.schema)]
    failed = F.array_compact(F.array(*(F.when(check.fails, check.id) for check in checks)))
    rows = contract_rows(target, made)
    return assay(rows.withColumn("_rules", F.array_sort(failed)), checks)


def failures(table: str, rows: DataFrame) -> Found:
    bad = rows.where(F.size("_rules") > 0).select("_source_file", "_source_row", "_rules", "verdict").collect()
    return {
        (table, row, file, tuple(rules), "warn" if verdict == "ok" else verdict) for file, row, rules, verdict in bad
    }


def answered(answers: tuple[Answer, ...]) -> Found:
    return {(a.table, a.row, a.file, tuple(sorted(a.rules)), a.verdict) for a in answers if a.row is not None}


@pytest.fixture(scope="module")
def three_days(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> GeneratedReport:
    """Three days that land at once: the first comes corrected, and the third repeats lines of the second."""
    out = tmp_path_factory.mktemp("till")
    return generate(spark, str(out), days=3, rows_per_day=2_500, seed=11, start=date(2024, 3, 1), bad_files=True)


def test_the_same_seed_gives_the_same_files_times_and_answers(
    spark: SparkSession, three_days: GeneratedReport, tmp_path: Path
) -> None:
    again = generate(spark, str(tmp_path), days=3, rows_per_day=2_500, seed=11, start=date(2024, 3, 1), bad_files=True)

    assert contents(again.folder) == contents(three_days.folder)
    assert Record.read(Path(again.answers)) == Record.read(Path(three_days.answers))
    assert (again.files, again.lines, again.faults, again.expected) == (
        three_days.files,
        three_days.lines,
        three_days.faults,
        three_days.expected,
    )


def test_days_that_land_one_by_one_leave_the_same_files(spark: SparkSession, tmp_path: Path) -> None:
    at_once = generate(spark, str(tmp_path / "once"), days=3, rows_per_day=300)
    for day in range(3):
        last = generate(spark, str(tmp_path / "days"), days=day + 1, landed=day, rows_per_day=300)

    assert contents(last.folder) == contents(at_once.folder)
    assert last.expected["gold.daily_sales"] == at_once.expected["gold.daily_sales"]


def test_the_gate_finds_every_planted_fault_with_its_rules_and_nothing_else(
    spark: SparkSession, three_days: GeneratedReport
) -> None:
    good, _ = check_files(three_days.folder, list_files(three_days.folder, options()), options())
    deliveries = [Delivery(f.path, 1, f.modified_ms) for f in good]
    bronze = judged(bronze_pos_lines, "bronze_pos_lines", read_files(spark, three_days.folder, deliveries, options()))
    bronze = bronze.cache()
    published = bronze.where("verdict = 'ok'").select(*spec_of(bronze_pos_lines).schema.fieldNames())
    silver = judged(silver_pos_lines, "silver_pos_lines", published).cache()

    answers = Record.read(Path(three_days.answers)).answers
    assert failures(BRONZE, bronze) | failures(SILVER, silver) == answered(answers)
    expected = three_days.expected[SILVER]
    one_each = silver.where("verdict = 'ok'").dropDuplicates(["line_id"])
    counts = bronze.where("verdict = 'ok'").count(), one_each.count()
    assert counts == (three_days.expected[BRONZE]["rows"], expected["rows"])
    (sums,) = one_each.selectExpr(
        "sum(quantity) AS units", "CAST(sum(quantity * unit_price) AS decimal(18,2))"
    ).collect()
    assert (sums[0], str(sums[1])) == (expected["units"], expected["amount"])
    bronze.unpersist()
    silver.unpersist()


def test_bad_files_are_told_apart_as_the_answers_say(three_days: GeneratedReport) -> None:
    good, bad = check_files(three_days.folder, list_files(three_days.folder, options()), options())
    answers = Record.read(Path(three_days.answers)).answers

    assert {(b.path, str(b.kind)) for b in bad} == {(a.file, a.fault) for a in answers if a.table == FILES}
    assert len(good) == three_days.files


def test_a_day_can_be_cut_into_files(spark: SparkSession, tmp_path: Path) -> None:
    whole = generate(spark, str(tmp_path / "one"), days=1, rows_per_day=2_000, disorder=False, gzip=False)
    cut = generate(
        spark, str(tmp_path / "four"), days=1, rows_per_day=2_000, files_per_day=4, disorder=False, gzip=False
    )

    header, *lines = (Path(whole.folder) / "2024-01-01.csv").read_text().splitlines()
    parts = [path.read_text().splitlines() for path in sorted(Path(cut.folder).iterdir())]
    assert [part[0] for part in parts] == [header] * 4
    assert [line for part in parts for line in part[1:]] == lines


def test_a_folder_that_workers_do_not_see_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigurationError, match="hdfs dfs -put -p"):
        generate(spark, "hdfs://namenode/sources")
