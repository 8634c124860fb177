"""Scores: each row once by a version, published like any table, with a decision that can be explained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from click.testing import CliRunner

from aurify.cli.main import main
from aurify.errors import ConfigurationError, DataError
from aurify.workflows.models import promote
from aurify.workflows.report import BatchReport, RunReport
from aurify.workflows.trial import trial
from tests.integration.lakes import Toy
from tests.integration.test_train import DAYS, START, TABLES, delivered

if TYPE_CHECKING:
    pass

SCORED = '''
from aurify.models import Fallback, OnDriver, Python, Scoring

DECISIONS = {"review": 0.3, "block": 0.6}
risk_model = risk(
    "risk", ["amount", "count_3d"],
    scoring=Scoring(rows="gold.cards", decide=DECISIONS, keep=("amount",), entity=("card",)),
)


@model("linear", data=Training("silver.found", ("gold.cards",), "is_fraud", "at", "reported"), features=["amount"],
       split=ByTime(train=10 * DAY, gap=2 * DAY, test=6 * DAY), owner="tests",
       estimator=OnDriver(Python("sklearn.linear_model:LogisticRegression")),
       scoring=Scoring(rows="gold.cards", decide=DECISIONS))
def linear(rows):
    """How likely a payment is a fraud, by one that takes no NULL."""
    return rows
'''
SCORES = "gold.risk_scores"


def scoring_toy(root: Path) -> Toy:
    """A lake with a champion, and a version 2 that its gate did not let pass."""
    toy = Toy(root, TABLES + SCORED)
    delivered(toy)
    toy.refresh()
    assert toy.lake.train("risk").passed
    toy.declare(TABLES + SCORED.replace('["amount", "count_3d"],', '["amount", "count_3d"], rounds=5,'))
    assert toy.lake.train("risk").version == 2
    toy.declare(TABLES + SCORED)
    return toy


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    """A lake to be scored, also by a model that takes no NULL."""
    toy = scoring_toy(tmp_path_factory.mktemp("scores"))
    assert toy.lake.train("linear").version == 1
    return toy.root


@pytest.fixture
def toy(trained: Path, tmp_path: Path) -> Toy:
    """A copy of it, to be changed."""
    return Toy.at(trained).copied(tmp_path / "toy")


def scores(toy: Toy) -> list[dict[str, Any]]:
    return [row.asDict() for row in toy.lake.read(SCORES).collect()]


def published(report: RunReport, table: str = SCORES) -> list[BatchReport]:
    assert report.exit_code == 0, [error.render() for error in report.errors]
    return report.tables[table].batches


def test_new_rows_are_scored_once_as_the_model_says(toy: Toy) -> None:
    (batch,) = published(toy.lake.score("risk"))
    features = toy.lake.read("gold.cards")
    assert batch.balance.inserted == features.count()
    registry = toy.lake.registry
    alone = registry.load(registry.version("risk", 1)).scored(features, "alone")
    expected = {row["id"]: row["alone"] for row in alone.collect()}
    found = scores(toy)
    assert {row["id"]: row["score"] for row in found} == expected
    assert {row["model_version"] for row in found} == {1}
    assert {row["role"] for row in found} == {"champion"}
    for row in found:
        wanted = "block" if row["score"] >= 0.6 else "review" if row["score"] >= 0.3 else "pass"
        assert (row["decision"], row["decided_by"], row["batch"]) == (wanted, "model", 1)
        assert bool(row["reasons"]) <= (row["decision"] != "pass")
    assert any(row["reasons"] for row in found)
    assert published(toy.lake.score("risk")) == [], "nothing is new"


def test_a_day_that_lands_later_is_scored_alone(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    land(toy, day=DAYS, rows=7)
    (batch,) = published(toy.lake.score("risk"))
    assert (batch.number, batch.balance.read, batch.balance.inserted) == (2, 7, 7)
    ids = [row["id"] for row in scores(toy)]
    assert len(ids) == len(set(ids))


def test_a_row_whose_features_change_later_keeps_its_score(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    before = {row["id"]: row for row in scores(toy)}
    land(toy, day=DAYS - 2, rows=3)  # late: features of the days after it change
    published(toy.lake.score("risk"))
    after = {row["id"]: row for row in scores(toy)}
    assert len(after) == len(before) + 3
    assert {id: after[id] for id in before} == before


def test_a_named_version_scores_what_it_has_not_scored_and_decides_nothing(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    (batch,) = published(toy.lake.score("risk", version=2))
    rows = toy.lake.read("gold.cards").count()
    assert batch.balance.inserted == rows
    assert published(toy.lake.score("risk", version=2)) == []
    roles = {(row["model_version"], row["role"]) for row in scores(toy)}
    assert roles == {(1, "champion"), (2, "version")}
    with pytest.raises(DataError, match="no batch with a challenger"):
        trial(toy.lake, "risk")
    (again,) = published(toy.lake.score("risk", backfill=True))
    assert again.balance.inserted == 0, "the champion has scored them all"


def test_a_version_that_scored_a_row_as_another_role_does_not_score_it_again(toy: Toy) -> None:
    published(toy.lake.score("risk", version=2))
    promote(toy.lake, "risk", 2, "for the test")
    (batch,) = published(toy.lake.score("risk"))
    assert batch.balance.inserted == 0
    land(toy, day=DAYS, rows=4)
    (batch,) = published(toy.lake.score("risk"))
    assert batch.balance.inserted == 4


def test_a_shadow_scores_the_same_batches_beside_the_champion(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    land(toy, day=DAYS, rows=5)
    own, shadow = published(toy.lake.score("risk", shadow=2))
    assert (own.balance.inserted, shadow.balance.inserted) == (5, 5)
    found = [row for row in scores(toy) if row["model_version"] == 2]
    assert {row["role"] for row in found} == {"shadow"}
    assert sorted(row["id"] for row in found) == [DAYS * 1000 + number for number in range(5)]


def test_a_split_gives_each_entity_to_one_version(toy: Toy) -> None:
    (batch,) = published(toy.lake.score("risk", challenger=2, share=0.5))
    found = scores(toy)
    assert batch.balance.inserted == len(found) == toy.lake.read("gold.cards").count()
    by_card: dict[str, set[int]] = {}
    for row in found:
        by_card.setdefault(row["card"], set()).add(row["model_version"])
        assert row["role"] == ("champion" if row["model_version"] == 1 else "challenger")
    assert all(len(versions) == 1 for versions in by_card.values())
    assert set.union(*by_card.values()) == {1, 2}, "five cards, half of them each: the hash is fixed"


def test_a_split_is_compared_as_far_as_labels_have_come(toy: Toy) -> None:
    published(toy.lake.score("risk", challenger=2, share=0.5))
    by_rate = {told.rate: told for told in trial(toy.lake, "risk", effect=0.1)}
    found = pd.DataFrame(row for row in scores(toy))
    labels = toy.lake.read("silver.found").select("id", "is_fraud").toPandas()
    both = found.merge(labels, on="id", how="left")
    both["flagged"] = both["decision"] != "pass"
    for version, place in ((1, "champion"), (2, "challenger")):
        own = both[both["model_version"] == version]
        flagged, frauds = own[own["flagged"]], own[own["is_fraud"] == 1]
        assert getattr(by_rate["flagged"], place) == pytest.approx(own["flagged"].mean())
        assert getattr(by_rate["recall"], place) == pytest.approx(frauds["flagged"].mean())
        if len(flagged):
            assert getattr(by_rate["precision"], place) == pytest.approx((flagged["is_fraud"] == 1).mean())
    assert sum(by_rate["flagged"].entities) == both["card"].nunique() == 5
    assert by_rate["flagged"].rows == (sum(both["model_version"] == 1), sum(both["model_version"] == 2))
    told = CliRunner().invoke(main, ["models", "trial", "risk", "--project", str(toy.root)])
    assert (told.exit_code, "recall" in told.output) == (0, True), told.output


def test_a_killed_batch_is_scored_by_the_version_that_it_was_recorded_for(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aurify.workflows import refresh

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(refresh, "publish_quarantine", killed)
        toy.lake.score("risk")
    assert toy.lake.state(SCORES).open_batch is not None
    promote(toy.lake, "risk", 2, "while it was down")
    land(toy, day=DAYS, rows=3)
    first, second = published(toy.lake.score("risk"))
    found = scores(toy)
    assert {row["model_version"] for row in found if row["batch"] == first.number} == {1}
    assert {row["model_version"] for row in found if row["batch"] == second.number} == {2}
    assert second.balance.inserted == 3


def test_rows_that_the_model_fails_on_are_quarantined_with_the_reason_and_the_rest_goes_on(toy: Toy) -> None:
    land(toy, day=DAYS, rows=4)
    land(toy, day=DAYS + 1, rows=1, amount="")
    (batch,) = published(toy.lake.score("linear"), "gold.linear_scores")
    assert batch.balance.quarantined == 1
    assert batch.balance.inserted == toy.lake.read("gold.cards").count() - 1
    row = toy.lake.quarantine("gold.linear_scores").select("_pointers", "_failed.id", "_failed.values").first()
    assert row is not None
    assert row["id"] == ["scored"]
    assert "contains NaN" in row["_pointers"]["_score_error"]


def test_where_the_model_can_t_be_loaded_the_declared_rule_decides(toy: Toy) -> None:
    declare(toy, "fallback=Fallback(\"IF(amount > 50, 'review', 'pass')\", below=0.7)")
    with spoilt(toy, 1):
        published(toy.lake.score("risk"))
    for row in scores(toy):
        assert (row["score"], row["decided_by"]) == (None, "rule: the model can't be loaded")
        assert row["decision"] == ("review" if row["amount"] > 50 else "pass")


def test_where_the_model_is_not_sure_the_declared_rule_decides(toy: Toy) -> None:
    declare(toy, "fallback=Fallback(\"IF(amount > 50, 'review', 'pass')\", below=0.7)")
    published(toy.lake.score("risk"))
    by = {"model": 0, "rule: the model is not sure": 0}
    for row in scores(toy):
        sure = max(row["score"], 1 - row["score"]) >= 0.7
        assert row["decided_by"] == ("model" if sure else "rule: the model is not sure")
        by[row["decided_by"]] += 1
    assert all(by.values()), by


def test_a_rebuilt_input_brings_only_what_was_not_scored(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    before = {row["id"]: row for row in scores(toy)}
    toy.lake.refresh("gold.cards", full=True)
    land(toy, day=DAYS, rows=2)
    (batch,) = published(toy.lake.score("risk"))
    assert batch.balance.inserted == 2
    assert {row["id"]: row for row in scores(toy) if row["id"] in before} == before


def test_what_can_t_be_scored_is_told_before_anything_is_recorded(toy: Toy) -> None:
    with pytest.raises(ConfigurationError, match="no such model"):
        toy.lake.score("risky")
    with pytest.raises(ConfigurationError, match="'7'"):
        toy.lake.score("risk", version=7)
    with pytest.raises(ConfigurationError, match="version 1 beside itself"):
        toy.lake.score("risk", shadow=1)
    with pytest.raises(ConfigurationError, match="aurify score risk"):
        toy.lake.refresh(SCORES)
    with spoilt(toy, 1):
        report = toy.lake.score("risk")
    assert report.exit_code == 3
    assert "version 1" in report.errors[0].render()
    assert toy.lake.state(SCORES).open_batch is None


def test_features_that_are_null_in_every_row_stop_the_scoring(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    toy.declare(TABLES + SCORED.replace('["amount", "count_3d"]', '["amount"]'))
    assert toy.lake.train("risk").version == 3
    promote(toy.lake, "risk", 3, "for the test")
    land(toy, day=DAYS, rows=3, amount="")
    report = toy.lake.score("risk")
    assert report.exit_code == 1
    assert "amount is NULL in all of 3 rows" in report.errors[0].render()
    assert toy.lake.state(SCORES).open_batch is None


def test_the_command_tells_the_balance_and_fails_with_one_clear_error(toy: Toy) -> None:
    options = ["--project", str(toy.root), "--json"]
    told = CliRunner().invoke(main, ["score", "risk", *options])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["tables"][0]["table"] == SCORES
    for command, code, text in (
        (["score", "nope"], 2, "no such model"),
        (["score", "risk", "--split", "150%"], 2, "150%"),
        (["score", "risk", "--version", "9"], 2, "'9'"),
    ):
        told = CliRunner().invoke(main, [*command, "--project", str(toy.root)])
        assert (told.exit_code, text in told.output) == (code, True), told.output


def land(toy: Toy, day: int, rows: int, amount: str = "50.00") -> None:
    """More payments of a day, refreshed up to their features."""
    at = START + timedelta(days=day, hours=20)
    first = day * 1000 + (0 if day == DAYS else 900)
    lines = [f"{first + n},c{n % 5},{at:%Y-%m-%d %H:%M:%S},{at:%Y-%m-%d},{amount},0.5" for n in range(rows)]
    toy.deliver(f"paid/{day}.csv", "id,card,at,day,amount,noise", lines, at=10 + day)
    report = toy.lake.refresh("+gold.cards")
    assert report.exit_code == 0, [error.render() for error in report.errors]


def declare(toy: Toy, more: str) -> None:
    toy.declare(TABLES + SCORED.replace('entity=("card",)', f'entity=("card",), {more}'))


@contextmanager
def spoilt(toy: Toy, number: int) -> Iterator[None]:
    """The files of a version are broken for a while; the copies of the lake have them in common."""
    version = toy.lake.registry.version("risk", number)
    uri = toy.lake.registry.client.get_run(version.run_id).info.artifact_uri
    (file,) = Path(uri.removeprefix("file://")).rglob("model.txt")
    content = file.read_bytes()
    file.write_text("tree\nbroken", encoding="utf-8")
    try:
        yield
    finally:
        file.write_bytes(content)
