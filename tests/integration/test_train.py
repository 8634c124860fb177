"""A model from its training set to the registry: frozen rows, a gate, a champion that can be rolled back."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score, roc_auc_score

from aurify.cli.main import main
from aurify.errors import ConfigurationError, DataError
from aurify.models.booster import Booster, booster_of
from aurify.models.registry import RECORD, SET, Registry
from aurify.workflows.models import compared, listed, promote, prune, rollback, shown
from aurify.workflows.train import TrainReport
from aurify.workflows.training_rows import rows_of_record
from tests.integration.lakes import LAYERS, Toy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TABLES = (
    LAYERS
    + '''
from datetime import timedelta

from aurify import ByTime, Gate, Training, Window, feature_view, model
from aurify.models import LightGBM

DAY = timedelta(days=1)
TREES = {"objective": "binary", "num_leaves": 7, "min_data_in_leaf": 10}


paid = layers("paid", "id bigint, card string, at timestamp, day date, amount double, noise double", "at")
found = layers("found", "id bigint, at timestamp, day date, is_fraud double, reported timestamp", "at")


@feature_view("gold.cards", inputs={"paid": changes("silver.paid")}, entity="card", event_time="at", by="day",
              columns="id bigint, card string, at timestamp, day date, amount double UNIT 'EUR', noise double",
              keys=["id"], features=[Window("mean", 3 * DAY, "amount"), Window("count", 3 * DAY)], owner="tests")
def cards(paid):
    """A payment."""
    return paid.drop("changed")


def risk(name, features, **more):
    """A model of frauds by some features."""

    @model(name, data=Training("silver.found", ("gold.cards",), "is_fraud", "at", "reported"), features=features,
           split=more.pop("split", ByTime(train=10 * DAY, gap=2 * DAY, test=6 * DAY)), unit="card",
           estimator=LightGBM(dict(TREES), rounds=more.pop("rounds", 20)),
           gate=more.pop("gate", Gate(at_least={"roc_auc": 0.6})), owner="tests", **more)
    def rows(rows):
        """How likely a payment is a fraud."""
        return rows

    return rows


'''
)
MODELS = 'risk_model = risk("risk", ["amount", "count_3d"], segments=["card"])\n'
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAYS, A_DAY = 22, 60
LATE = tuple(12_000 + number for number in range(0, A_DAY, 2))  # of the last day to train on


def delivered(toy: Toy) -> None:
    """Payments whose fraud shows in the amount, each found two days after it, but the late ones after five."""
    pick = random.Random(5)
    paid, found = [], []
    for day in range(DAYS):
        for number in range(A_DAY):
            id, at = day * 1000 + number, START + timedelta(days=day, seconds=pick.randrange(80_000))
            is_fraud = pick.random() < 0.15
            amount, noise = pick.gauss(60 if is_fraud else 40, 10), pick.random()
            when, reported = f"{at:%Y-%m-%d %H:%M:%S},{at:%Y-%m-%d}", at + timedelta(days=5 if id in LATE else 2)
            paid.append(f"{id},c{pick.randrange(5)},{when},{amount:.2f},{noise:.3f}")
            found.append(f"{id},{when},{float(is_fraud)},{reported:%Y-%m-%d %H:%M:%S}")
    toy.deliver("paid/1.csv", "id,card,at,day,amount,noise", paid, at=1)
    toy.deliver("found/1.csv", "id,at,day,is_fraud,reported", found, at=1)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("models"), TABLES + MODELS)
    delivered(toy)
    toy.refresh()
    return toy


@pytest.fixture(scope="module")
def first(toy: Toy) -> TrainReport:
    return toy.lake.train("risk")


@pytest.fixture
def changing(toy: Toy, first: TrainReport) -> Iterator[Toy]:
    """The toy, whose model is another one for a while."""
    yield toy
    toy.declare(TABLES + MODELS)


def test_a_model_that_passes_is_champion_and_scores_as_its_metrics_say(toy: Toy, first: TrainReport) -> None:
    assert (first.passed, first.is_new, first.version, first.exit_code) == (True, True, 1, 0)
    assert first.dates == {
        "train": ["2024-01-04T00:00:00", "2024-01-14T00:00:00"],
        "test": ["2024-01-16T00:00:00", "2024-01-22T00:00:00"],
    }, "the last day is left out: not all of its labels need be known"
    registry = toy.lake.registry
    champion = registry.champion("risk")
    assert champion is not None
    test = rows_of(toy, first, "test")
    labels, scores = np.array(registry.load(champion).scored(test).select("is_fraud", "score").collect()).T
    assert first.metrics["roc_auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    expected = average_precision_score(labels, scores)
    assert first.metrics["average_precision"] == pytest.approx(expected, abs=1e-9)
    assert 0.8 < float(first.metrics["roc_auc"] or 0) < 1, "planted, and not leaked"


def rows_of(toy: Toy, report: TrainReport, part: str) -> DataFrame:
    """The rows of a part by their times, read from the training set itself."""
    since, until = report.dates[part]
    found = toy.lake.session.read.format("delta").load(report.training_set)
    return found.where(f"at >= timestamp '{since}' AND at < timestamp '{until}'")


def test_mlflow_alone_loads_it_and_scores_the_same(toy: Toy, first: TrainReport) -> None:
    import mlflow

    rows = rows_of(toy, first, "test").orderBy("id")
    registry = toy.lake.registry
    kept = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(registry.tracking)
    try:
        model = mlflow.pyfunc.load_model("models:/risk@champion")
        frame = rows.select("amount", F_double("count_3d")).toPandas()
        found = model.predict(frame)
    finally:
        mlflow.set_tracking_uri(kept)
    ours = registry.load(registry.version("risk", 1)).scored(rows).orderBy("id").select("score").collect()
    assert found.tolist() == [row.score for row in ours]


def F_double(name: str) -> Any:  # noqa: N802 - a column, as in pyspark.sql.functions
    from pyspark.sql import functions as F

    return F.col(name).cast("double").alias(name)


def test_the_same_again_is_found_and_not_trained(toy: Toy, first: TrainReport) -> None:
    again = toy.lake.train("risk")
    assert (again.version, again.is_new, again.passed) == (1, False, True)
    assert [version.number for version in listed(toy.lake, "risk")] == [1]


def test_the_same_record_trains_the_same_model(changing: Toy) -> None:
    changing.declare(TABLES + MODELS.replace('"risk"', '"twin"'))
    made, twice = changing.lake.train("twin"), changing.lake.train("twin", again=True)
    assert (made.version, twice.version) == (1, 2)
    versions = changing.lake.registry.versions
    assert {version.fingerprint for version in versions("twin")} == {versions("risk")[-1].fingerprint}


def test_what_a_version_was_made_of_can_be_seen(toy: Toy, first: TrainReport) -> None:
    told = shown(toy.lake, "risk")
    assert told.record["versions"] == {name: toy.version(name) for name in ("silver.found", "gold.cards")}
    assert told.record["estimator"]["kind"] == "LightGBM"
    assert told.record["environment"]["lightgbm"]
    assert told.record["suites"] == {"silver.found": None, "gold.cards": None}
    assert told.judgement["parts"]["test"]["segments"]["card"]


def test_a_training_set_stays_as_long_as_a_version_names_it(toy: Toy, first: TrainReport) -> None:
    asked = toy.lake.training_set("risk", "silver.found", ["gold.cards"], target="is_fraud", time="at")
    assert prune(toy.lake, 1) == [], "it is young"
    assert prune(toy.lake, 0) == [asked.path]
    assert not Path(asked.path).exists()
    assert toy.lake.session.read.format("delta").load(first.training_set).count() > 600


def test_a_label_that_came_too_late_is_not_learned_from(toy: Toy, first: TrainReport) -> None:
    rows = rows_of_record(toy.lake, toy.lake.model("risk"), shown(toy.lake, "risk", first.version).record)
    parts = rows.parts(rows.made.read(toy.lake.session), rows.dates)
    learned = {row.id for row in parts.where("part = 'train'").select("id").collect()}
    everything = {day * 1000 + number for day in range(3, 13) for number in range(A_DAY)}
    assert everything & set(LATE)
    assert learned == everything - set(LATE)


def test_a_worse_challenger_is_refused_a_better_one_promoted_and_rolled_back(changing: Toy) -> None:
    toy = changing
    toy.declare(TABLES + 'risk_model = risk("risk", ["noise"], gate=Gate(at_least={"roc_auc": 0.1}))\n')
    worse = toy.lake.train("risk")
    assert (worse.passed, worse.exit_code) == (False, 1)
    assert "average_precision less that of version 1 is -" in worse.reasons[0]
    champion = toy.lake.registry.champion("risk")
    assert champion is not None
    assert champion.number == 1
    assert toy.lake.registry.version("risk", "challenger").number == worse.version
    client = toy.lake.registry.client
    client.delete_registered_model_alias("risk", "challenger")
    client.set_terminated(worse.run_id, "KILLED")
    assert toy.lake.train("risk").is_new is False
    assert toy.lake.registry.version("risk", "challenger").number == worse.version, "as before a kill would have it"

    toy.declare(TABLES + 'risk_model = risk("risk", ["amount"], rounds=40, gate=Gate(margin=0.2))\n')
    better = toy.lake.train("risk")
    assert better.passed, better.reasons
    assert toy.lake.registry.version("risk", "champion").number == better.version
    told = compared(toy.lake, "risk", "champion", 1)
    assert told.difference.low <= told.difference.estimate <= told.difference.high
    assert told.metrics[0]["roc_auc"] == pytest.approx(better.metrics["roc_auc"])

    test = rows_of(toy, better, "test").orderBy("id")
    before = toy.lake.registry.load(toy.lake.registry.version("risk", 1)).scored(test).collect()
    assert rollback(toy.lake, "risk", "too many alerts").number == 1
    champion = toy.lake.registry.champion("risk")
    assert champion is not None
    assert toy.lake.registry.load(champion).scored(test).collect() == before
    with pytest.raises(ConfigurationError, match="no champion before this one"):
        rollback(toy.lake, "risk")

    with pytest.raises(DataError, match="the gate refused"):
        promote(toy.lake, "risk", worse.version, reason="")
    assert "champion" in promote(toy.lake, "risk", worse.version, "for a test").aliases
    assert rollback(toy.lake, "risk").number == 1
    assert "for a test" in [move.reason for move in toy.lake.registry.moves("risk")]


SHORT = "ByTime(train=timedelta(hours=5), gap=3 * DAY, test=6 * DAY)"
BROKEN = {
    "one class": ('risk("m", ["amount"], segments=[])', "F.lit(0.0)", DataError, "is_fraud is 0 in all of 570 rows"),
    "no target": ('risk("m", ["amount"])', "F.lit(float('nan'))", DataError, "is_fraud is NULL or NaN in 570 of 570"),
    "other labels": ('risk("m", ["amount"])', "F.col('is_fraud') + 1", DataError, "neither 0 nor 1"),
    "empty feature": ('risk("m", ["noise"])', None, DataError, "'noise' has no value in any row"),
    "too few rows": (f'risk("m", ["amount"], split={SHORT})', None, DataError, "rows\n    expected 20 or more"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_rows_that_can_not_be_learned_from_are_refused_with_the_reason(changing: Toy, case: str) -> None:
    declared, label, error, expected = BROKEN[case]
    nothing = 'rows.withColumn("noise", F.lit(None).cast("double"))'
    change = f'rows.withColumn("is_fraud", {label})' if label else nothing
    tables = TABLES.replace("        return rows\n", f"        return {change}\n")
    changing.declare(f"{tables}m = {declared}\n")
    with pytest.raises(error, match=expected):
        changing.lake.train("m")
    assert changing.lake.registry.versions("m") == []


def test_mistakes_of_a_file_are_told_all_at_once(tmp_path: Path, spark: object) -> None:
    wrong = (
        'm = risk("Risk", ["amont", "is_fraud"], segments=["crd"], gate=Gate(at_least={"auc": 1}), metric="brier", '
        "workers=0, split=ByTime(train=DAY, test=timedelta(0)))\n"
    )
    with pytest.raises(ConfigurationError) as told:
        Toy(tmp_path, TABLES + wrong)
    found = str(told.value)
    for expected in ("'Risk'", "'amont'", "tells the answer", "'crd'", "'auc'", "a loss", "0", "split.test"):
        assert expected in found


def test_a_run_that_was_killed_is_ended_by_the_next(changing: Toy) -> None:
    changing.declare(TABLES + 'm = risk("killed", ["amount"])\n')
    registry = changing.lake.registry
    made = changing.lake.train("killed")
    record = registry.versions("killed")[0].record
    stopped = ""
    with suppress(KeyboardInterrupt), registry.run("killed", {RECORD: record}) as run:
        stopped = run.id
        raise KeyboardInterrupt
    experiment = registry.client.get_run(stopped).info.experiment_id

    def left(tags: dict[str, str]) -> str:
        return str(registry.client.create_run(experiment, tags=tags).info.run_id)

    training = left({SET: made.training_set})
    trial, elsewhere = left({"mlflow.parentRunId": training}), left({SET: "/another/lake/training/killed/1"})
    assert changing.lake.train("killed").is_new is False
    states = [registry.client.get_run(id).info.status for id in (stopped, training, trial, elsewhere)]
    assert states == ["KILLED", "KILLED", "KILLED", "RUNNING"]


def test_a_search_chooses_by_an_earlier_split_and_keeps_its_trials(changing: Toy) -> None:
    space = 'search=Search({"rounds": Choice((1, 30))}, trials=2, sampler="grid", side_by_side=1)'
    changing.declare(TABLES + f'from aurify.models import Choice, Search\nm = risk("sought", ["amount"], {space})\n')
    made = changing.lake.train("sought")
    client = changing.lake.registry.client
    run = client.get_run(made.run_id)
    nested = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{made.run_id}'")
    assert sorted(trial.data.params["rounds"] for trial in nested) == ["1", "30"]
    best = max(nested, key=lambda trial: trial.data.metrics["average_precision"])
    assert run.data.params["found.rounds"] == best.data.params["rounds"]
    model = changing.lake.registry.load(changing.lake.registry.version("sought", made.version))
    assert booster_of(cast("Booster", model.learned).text).num_trees() == int(best.data.params["rounds"])
    held = changing.lake.session.read.format("delta").load(made.training_set)
    assert held.where("at < timestamp '2024-01-04'").count() > 0, "the earlier split begins before the model's own"


def test_a_search_whose_earlier_rows_are_refused_lets_them_go(changing: Toy) -> None:
    late = 'rows.withColumn("noise", F.when(F.col("at") >= "2024-01-10", F.col("noise")))'
    tables = TABLES.replace("        return rows\n", f"        return {late}\n")
    search = 'search=Search({"rounds": Choice((1, 30))}, trials=2, sampler="grid", side_by_side=1)'
    changing.declare(tables + f'from aurify.models import Choice, Search\nm = risk("early", ["noise"], {search})\n')

    def held() -> set[int]:
        return set(changing.lake.session.sparkContext._jsc.getPersistentRDDs().keySet())

    before = held()
    with pytest.raises(DataError, match="search of early, test 2024-01-08: train: found 'noise' has no value"):
        changing.lake.train("early")
    assert held() <= before


def test_the_default_registry_is_refused_where_the_driver_is_elsewhere(tmp_path: Path, spark: object) -> None:
    toy = Toy(tmp_path, TABLES + MODELS)
    settings = toy.root / "conf/local/settings.yml"
    settings.write_text("spark: {conf: {spark.submit.deployMode: cluster}}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"mlflow\.tracking.*\n.*expected an MLflow server"):
        toy.reopen().registry  # noqa: B018 - it is opened


def test_a_registry_whose_making_was_interrupted_is_made_by_the_next(tmp_path: Path) -> None:
    from mlflow.store.db import utils

    tracking = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_upgrade_db", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Registry(tracking, None, "toy").client  # noqa: B018 - it is opened
    assert Registry(tracking, None, "toy").versions("risk") == []


def interrupted(engine: object) -> None:
    raise KeyboardInterrupt


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    from aurify.errors import EnvironmentFailure

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(EnvironmentFailure, match="a server that answers"):
            Registry("http://127.0.0.1:9", None, "toy").client  # noqa: B018 - it is opened


def test_the_commands_tell_versions(toy: Toy, first: TrainReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURIFY_PROJECT", str(toy.root))

    def call(*words: str, code: int = 0) -> Any:
        told = CliRunner().invoke(main, [*words, "--json"])
        assert told.exit_code == code, told.output
        return json.loads(told.stdout)

    assert call("train", "risk")["is_new"] is False
    assert call("models", "list", "risk")["versions"][-1]["version"] == 1
    assert call("models", "show", "risk", "1")["record"]["target"] == "is_fraud"
    assert call("models", "compare", "risk", "1", "1")["difference"]["estimate"] == 0
    assert "no such model" in call("train", "risky", code=2)["problems"][0]["found"]
    shown = CliRunner().invoke(main, ["models", "list"])
    assert "champion" in shown.output


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on this machine."""
    home = tmp_path_factory.mktemp("mlflow")
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--artifacts-destination", str(home / "artifacts")),
    ]
    env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (home / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(360):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no answer from {url}")


def test_a_real_server_keeps_runs_models_and_aliases(server: str, changing: Toy) -> None:
    (changing.root / "conf/local/settings.yml").write_text(f"mlflow: {{tracking: '{server}'}}\n", encoding="utf-8")
    try:
        changing.declare(TABLES + MODELS)
        made = changing.lake.train("risk")
        assert (made.version, made.is_new) == (1, True), "another registry knows nothing of the first"
        told = shown(changing.lake, "risk", "champion")
        assert told.metrics["roc_auc"] == pytest.approx(made.metrics["roc_auc"])
        assert changing.lake.registry.load(changing.lake.registry.version("risk", 1)).inputs
    finally:
        (changing.root / "conf/local/settings.yml").write_text("{}\n", encoding="utf-8")
