"""What Prometheus reads of a real lake: every metric, with the values that its reports say, and a panel for each."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aurify.cli.main import main
from aurify.monitoring.alert import Alert
from aurify.monitoring.exposition import FAMILIES, exposition, serve
from aurify.publish.batch_log import Batch
from aurify.workflows.metrics import metrics
from tests.integration.lakes import Toy
from tests.integration.test_score import SCORES, scoring_toy

parser = pytest.importorskip("prometheus_client.parser")

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "conf" / "grafana" / "aurify.json"
Values = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Toy:
    """A lake with scores, an open alert, and a batch that a killed run left."""
    toy = scoring_toy(tmp_path_factory.mktemp("metrics"))
    assert toy.lake.score("risk").exit_code == 0
    alert = Alert("risk", "amount", "red", "it moved", "look", occasion=1)
    toy.lake.alerts.seen([alert], [], datetime.now(timezone.utc))
    state = toy.lake.state("silver.found")
    state.log.record(
        Batch(
            table="silver.found",
            generation=1,
            number=state.committed + 1,
            run="killed",
            recorded_at="2024-03-01T00:00:00.000+00:00",
        )
    )
    return toy


@pytest.fixture(scope="module")
def values(toy: Toy) -> dict[str, Values]:
    """The values by metric, and by the values of its labels but `env`."""
    return parsed(exposition(lambda: metrics(toy.lake)).decode())


def parsed(text: str) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels.pop("env") == "local"
            labels = tuple(sample.labels[name] for name in FAMILIES[sample.name].labels)
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def named(panel: dict[str, Any]) -> set[str]:
    return {name for target in panel["targets"] for name in re.findall(r"\baurify_\w+", target["expr"])}


def test_a_lake_tells_every_metric_and_every_metric_has_a_panel(values: dict[str, Values]) -> None:
    assert set(values) == set(FAMILIES)
    assert set().union(*map(named, panels())) == set(values)


def test_every_panel_asks_for_metrics_and_labels_that_there_are(values: dict[str, Values]) -> None:
    variables = json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"]["list"]
    assert [variable["name"] for variable in variables] == ["datasource", "env", "table", "model"]
    for panel in panels():
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert named(panel), panel["title"]
        for target in panel["targets"]:
            for name, asked in re.findall(r"\b(aurify_\w+)\{([^}]*)\}", target["expr"]):
                labels = set(re.findall(r"(\w+)=", asked))
                assert labels <= {"env", *FAMILIES[name].labels}, (panel["title"], name)


def test_the_values_are_those_of_the_reports(toy: Toy, values: dict[str, Values]) -> None:
    rows = {outcome: values["aurify_table_rows_total"]["silver.paid", outcome] for outcome in ("read", "inserted")}
    count = toy.lake.read("silver.paid").count()
    assert rows == {"read": count, "inserted": count}
    assert values["aurify_table_batches_total"]["silver.paid",] == 1
    (told,) = toy.lake.batches_ledger.rows("silver.paid")
    seconds = (told["committed_at"] - datetime.fromisoformat(told["recorded_at"])).total_seconds()
    assert values["aurify_table_last_batch_seconds"]["silver.paid",] == pytest.approx(seconds)
    assert values["aurify_table_batch_seconds_total"]["silver.paid",] == pytest.approx(seconds)
    assert values["aurify_table_last_batch_rows_per_second"]["silver.paid",] == pytest.approx(count / seconds)
    newest = toy.lake.read("silver.paid").selectExpr("max(unix_micros(at)) / 1e6").collect()[0][0]
    assert values["aurify_table_newest_event_timestamp_seconds"]["silver.paid",] == pytest.approx(newest)
    published = values["aurify_table_published_timestamp_seconds"]["silver.paid",]
    assert published == pytest.approx(told["committed_at"].timestamp())
    assert values["aurify_table_data_delay_seconds"]["silver.paid",] == pytest.approx(published - newest)
    assert ("bronze.paid",) not in values["aurify_table_data_delay_seconds"], "it has no time of its own"


def test_scores_champion_and_alerts_are_told_by_model(toy: Toy, values: dict[str, Values]) -> None:
    scored = toy.lake.read(SCORES).count()
    assert values["aurify_model_rows_total"]["risk", "inserted"] == scored
    assert values["aurify_model_rows_total"]["linear", "inserted"] == 0
    assert values["aurify_model_data_delay_seconds"]["risk",] == values["aurify_table_data_delay_seconds"][SCORES,]
    assert values["aurify_model_champion_version"] == {("risk",): 1, ("linear",): 0}
    assert values["aurify_model_champion_timestamp_seconds"]["risk",] <= datetime.now(timezone.utc).timestamp()
    assert values["aurify_open_alerts"]["risk", "red"] == 1
    assert values["aurify_open_alerts"]["linear", "red"] == 0
    assert values["aurify_waiting_notices"] == {("log",): 1}


def test_a_batch_that_a_killed_run_left_is_open(values: dict[str, Values]) -> None:
    is_open = values["aurify_table_open_batch"]
    assert [name for (name,), value in is_open.items() if value] == ["silver.found"]
    assert values["aurify_table_open_batch_timestamp_seconds"] == {("silver.found",): 1_709_251_200}
    assert not any(values["aurify_table_open_batch_stopped"].values())
    assert set(values["aurify_read_success"].values()) == {1.0}


def test_what_can_not_be_read_is_told_and_hides_nothing_else(toy: Toy, tmp_path: Path) -> None:
    own = toy.copied(tmp_path / "toy")
    log = Path(own.path("silver.found"), "_delta_log")
    for file in log.iterdir():
        file.write_text("odd")
    found = parsed(exposition(lambda: metrics(own.lake)).decode())
    assert [name for name, value in found["aurify_read_success"].items() if not value] == [("table", "silver.found")]
    assert ("silver.paid",) in found["aurify_table_published_timestamp_seconds"]


def test_a_file_is_written_for_node_exporter_and_stdout_has_the_same(toy: Toy, tmp_path: Path) -> None:
    file = tmp_path / "aurify.prom"
    asked = ["metrics", "--project", str(toy.root)]
    told = CliRunner().invoke(main, [*asked, "--output", str(file)])
    assert told.exit_code == 0, told.output
    assert [path.name for path in tmp_path.iterdir()] == ["aurify.prom"]
    assert set(parsed(file.read_text())) == set(FAMILIES)
    shown = CliRunner().invoke(main, asked)
    assert (shown.exit_code, set(parsed(shown.stdout))) == (0, set(FAMILIES))
    document = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)
    assert {sample["name"] for sample in document["metrics"]} == set(FAMILIES)


def test_a_server_reads_anew_once_the_last_reading_is_old_enough(toy: Toy) -> None:
    readings: Counter[str] = Counter()

    def read() -> list[Any]:
        readings["all"] += 1
        return metrics(toy.lake)

    serving = serve(read, "127.0.0.1", 0, least_age=3600)
    try:
        texts = [scraped(serving.port) for _ in range(2)]
    finally:
        serving.stop()
    assert readings["all"] == 1
    assert set(parsed(texts[0])) == set(FAMILIES)
    assert texts[0] == texts[1]
    anew = serve(read, "127.0.0.1", 0, least_age=0)
    try:
        assert scraped(anew.port)
        assert scraped(anew.port)
    finally:
        anew.stop()
    assert readings["all"] == 3


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text: str = answer.read().decode()
    return text
