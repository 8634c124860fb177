"""Scoring what is broken: one clear error each, nothing half written, and the rows are scored once it is mended."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from click.testing import CliRunner

from aurify.cli.main import main
from aurify.models.booster import Booster
from aurify.models.fitted import FittedModel
from aurify.models.registry import RECORD
from aurify.workflows.maintain import maintain
from aurify.workflows.models import promote
from tests.integration.lakes import Toy
from tests.integration.test_score import SCORED, SCORES, land, published, scores
from tests.integration.test_train import DAYS, TABLES, delivered

NEW = 3


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    """A lake whose rows are scored by version 1, but for the newest."""
    toy = Toy(tmp_path_factory.mktemp("scores"), TABLES + SCORED)
    delivered(toy)
    toy.refresh()
    register(toy, {"amount": "double", "count_3d": "bigint"})
    published(toy.lake.score("risk"))
    land(toy, day=DAYS, rows=NEW)
    return toy.root


@pytest.fixture
def toy(scored: Path, tmp_path: Path) -> Toy:
    """A copy of it, to be changed."""
    return Toy.at(scored).copied(tmp_path / "toy")


def register(toy: Toy, inputs: Mapping[str, str]) -> None:
    """A champion that reads these columns."""
    x = np.random.default_rng(1).normal(size=(200, len(inputs)))
    data = lightgbm.Dataset(x, x[:, 0] > 0, feature_name=list(inputs))
    text = lightgbm.train({"objective": "binary", "num_leaves": 4, "verbosity": -1}, data, 3).model_to_string()
    model, registry = FittedModel(inputs, (), Booster(text, tuple(inputs))), toy.lake.registry
    with registry.run("risk", {}) as run:
        version = registry.register("risk", run, model, {RECORD: model.fingerprint}, [])
    registry.promote(version, "tests", "for the test")


def written(toy: Toy) -> dict[str, bytes]:
    """All files of the table of scores and its batch log, but who works on it."""
    files = [path for path in Path(toy.path(SCORES)).rglob("*") if path.is_file() and "lease" not in path.parts]
    return {str(path): path.read_bytes() for path in files}


@contextmanager
def nothing_is_written(toy: Toy) -> Iterator[None]:
    before, version = written(toy), toy.version(SCORES)
    yield
    assert (toy.version(SCORES), written(toy).keys()) == (version, before.keys())
    assert written(toy) == before


def refused(toy: Toy, code: int, *texts: str) -> None:
    """The command ends with this code, and its output has the texts and one error."""
    with nothing_is_written(toy):
        told = CliRunner().invoke(main, ["score", "risk", "--project", str(toy.root)])
    assert told.exit_code == code, told.output
    assert "Traceback" not in told.output
    said = " ".join(told.output.split())
    for text in texts:
        assert text in said, told.output
    assert said.count("Hint:") <= 1, told.output


def test_a_model_without_a_champion_is_told(toy: Toy) -> None:
    toy.lake.registry.client.delete_registered_model_alias("risk", "champion")
    refused(toy, 2, "no champion", "aurify train risk")


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"amount": "double", "weight": "double"}, "no column 'weight'"),
        ({"amount": "string"}, "amount is double"),
    ],
)
def test_rows_that_are_no_longer_what_the_model_reads_are_told(toy: Toy, inputs: dict[str, str], text: str) -> None:
    register(toy, inputs)
    refused(toy, 2, "version 2", text)
    promote(toy.lake, "risk", 1, "for the test")
    (batch,) = published(toy.lake.score("risk"))
    assert batch.balance.inserted == NEW


@pytest.mark.parametrize(
    ("file", "old", "new", "text"),
    [
        ("model.txt", b"[max_bin: 255]", b"[max_bin: 254]", "as registered"),
        ("model.txt", b"tree\n", b"\x00\xff", "files that can be read"),
        ("model.json", b"{", b"[", "files that can be read"),
    ],
)
def test_a_model_whose_files_have_other_bytes_scores_nothing(
    toy: Toy, file: str, old: bytes, new: bytes, text: str
) -> None:
    version = toy.lake.registry.version("risk", 1)
    uri = toy.lake.registry.client.get_run(version.run_id).info.artifact_uri
    (path,) = Path(uri.removeprefix("file://")).rglob(file)
    content = path.read_bytes()
    path.write_bytes(content.replace(old, new, 1))
    try:
        refused(toy, 3, "risk, version 1", text)
    finally:
        path.write_bytes(content)
    (batch,) = published(toy.lake.score("risk"))
    assert batch.balance.inserted == NEW


def test_a_version_of_the_rows_without_a_new_row_makes_no_batch(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    version = toy.version("gold.cards")
    maintain(toy.lake, ["gold.cards"], retain_hours=0)
    assert toy.version("gold.cards") > version
    with nothing_is_written(toy):
        assert published(toy.lake.score("risk")) == []


def test_a_batch_without_a_row_that_is_new_leaves_all_scores_as_they_are(toy: Toy) -> None:
    published(toy.lake.score("risk"))
    before = scores(toy)
    header, *lines = (toy.root / f"landing/paid/{DAYS}.csv").read_text(encoding="utf-8").splitlines()
    toy.deliver(f"paid/{DAYS}.csv", header, [line.replace("50.00", "70.00") for line in lines], at=1_000)
    toy.refresh("+gold.cards")
    (batch,) = published(toy.lake.score("risk"))
    assert batch.balance.inserted == 0
    assert sorted(scores(toy), key=lambda row: row["id"]) == sorted(before, key=lambda row: row["id"])
    assert toy.lake.state(SCORES).open_batch is None


def test_a_registry_that_is_down_is_told_after_a_few_questions(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    asked: list[str] = []

    class Down(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Down) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        (toy.root / "conf/local/settings.yml").write_text(f"mlflow: {{tracking: '{url}'}}\n", encoding="utf-8")
        refused(toy, 3, f"MLflow at {url}", "a server that answers")
        server.shutdown()
    assert 1 <= len(asked) <= 3
