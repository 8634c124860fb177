"""Training and scoring on YARN, with a real MLflow server that containers reach: the same as on one machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aurify.models.registry import RECORD_FILE
from aurify.storage import Storage
from aurify.workflows.lake import Lake
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.on_yarn import Aurify, put_sources
from tests.cluster.processes import REPOSITORY
from tests.cluster.trained import MODEL, SCORES, Trained, connect

# What the record of a model says of where it was made.
OF_A_PLACE = {"training_set", "environment"}
# The same question, learned by two tasks at once.
BY_TWO = '''
from aurify import ByTime, Gate, Training, model
from aurify.models import LightGBM
from retail.models.card_fraud import WEEK


def _declared(engine):
    return model(
        f"card_fraud_{engine}",
        data=Training(
            labels="silver.fraud_reports",
            views=("gold.customer_payments", "gold.terminal_risk"),
            target="is_fraud",
            time="paid_at",
            known_at="reported_at",
        ),
        split=ByTime(train=WEEK, gap=WEEK, test=WEEK),
        estimator=LightGBM({"objective": "binary", "num_leaves": 15}, rounds=40, engine=engine),
        features=["amount", "is_weekend", "is_night", "mean_amount_7d", "share_is_fraud_7d_after_7d"],
        metric="average_precision",
        gate=Gate(at_least={"roc_auc": 0.6}),
        workers=2,
        owner="tests",
    )


@_declared("synapseml")
def of_synapse(rows):
    """By SynapseML."""
    return rows.where("customer_id IS NOT NULL")


@_declared("barrier")
def of_barrier(rows):
    """By LightGBM in Python."""
    return rows.where("customer_id IS NOT NULL")
'''


@pytest.fixture(scope="module")
def project_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project, and in it models that two workers train."""
    root = tmp_path_factory.mktemp("of_two")
    for name in ("conf", "jobs", "quality", "requirements", "platform/retail"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "platform/retail/models/card_fraud_by_two.py").write_text(BY_TWO)
    return root


@pytest.fixture(scope="module")
def there(trained_here: Trained, hadoop: Hadoop, aurify_on_yarn: Aurify, mlflow: str) -> Trained:
    """On YARN, each step an application in cluster mode."""
    put_sources(Path(trained_here.lake.settings.sources), hadoop.hdfs_uri, "/models/sources")
    root = f"{hadoop.hdfs_uri}/models"
    places = {"AURIFY_WAREHOUSE": f"{root}/lake", "AURIFY_SOURCES": f"{root}/sources", "MLFLOW_TRACKING_URI": mlflow}
    told = {}
    for words in (["refresh"], ["train", MODEL], ["score", MODEL]):
        ran = aurify_on_yarn("submit", "--json", "--", *words, **places)
        assert ran.returncode == 0, f"{words}: {ran.stdout}{ran.stderr}"
        told[words[0]] = json.loads(ran.stdout)
    lake = connect("yarn", places)
    return Trained(lake, lake.registry.version(MODEL, 1), told)


def _places(lake: Lake) -> dict[str, str]:
    where = lake.settings
    return {
        "AURIFY_WAREHOUSE": where.warehouse,
        "AURIFY_SOURCES": where.sources,
        "MLFLOW_TRACKING_URI": where.mlflow.tracking or "",
    }


def executors_of_barriers(events: bytes) -> dict[int, set[str]]:
    """The executors that took part in each barrier stage, as Spark's event log has it."""
    told = [json.loads(line) for line in events.splitlines()]
    stages = [event["Stage Info"] for event in told if event["Event"] == "SparkListenerStageCompleted"]
    barriers = {stage["Stage ID"] for stage in stages if any(rdd["Barrier"] for rdd in stage["RDD Info"])}
    ended = [event for event in told if event["Event"] == "SparkListenerTaskEnd"]
    return {
        stage: {event["Task Info"]["Executor ID"] for event in ended if event["Stage ID"] == stage}
        for stage in barriers
    }


def _document(trained: Trained, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(trained.lake.registry.document(trained.version, name))
    return found


def test_what_was_trained_on_the_cluster_is_the_same_model(trained_here: Trained, there: Trained) -> None:
    assert {told["exit_code"] for told in there.told.values()} == {0}
    assert there.version.aliases == trained_here.version.aliases == ("champion",)
    assert there.version.fingerprint == trained_here.version.fingerprint
    one, other = (_document(trained, RECORD_FILE) for trained in (trained_here, there))
    assert {name for name in one if one[name] != other[name]} == OF_A_PLACE
    assert {name for name in one["environment"] if one["environment"][name] != other["environment"].get(name)} == {
        "master"
    }
    metrics = [trained.lake.registry.metrics(trained.version) for trained in (trained_here, there)]
    assert metrics[1] == pytest.approx(metrics[0], rel=1e-9)


def test_rows_are_scored_there_as_here(trained_here: Trained, there: Trained) -> None:
    scores = trained_here.lake.read(SCORES)
    others = (
        trained_here.lake.session.read.format("delta").load(there.lake.settings.path_of(SCORES)).select(*scores.columns)
    )
    one, other = scores.drop("scored_at"), others.drop("scored_at")
    assert one.count() == other.count() > 20_000
    assert one.exceptAll(other).count() == other.exceptAll(one).count() == 0


@pytest.mark.parametrize("engine", ["synapseml", "barrier"])
def test_a_training_is_spread_over_both_executors(
    there: Trained, aurify_on_yarn: Aurify, project_of_two: Path, engine: str
) -> None:
    model = f"card_fraud_{engine}"
    ran = aurify_on_yarn(
        "submit", "--project", str(project_of_two), "--json", "--", "train", model, **_places(there.lake)
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert there.lake.registry.version(model, 1).decision == "passed"
    events = f"{there.lake.settings.warehouse}/_submitted/events/{json.loads(ran.stdout)['application']}_1"
    stages = executors_of_barriers(Storage().read(events) or b"")
    assert stages
    assert all(executors == {"1", "2"} for executors in stages.values()), stages
