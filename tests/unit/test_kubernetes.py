"""What is submitted to Kubernetes, what a pod's end is told as, and what an image is made of."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from aurify.config.settings import Settings, load_settings
from aurify.deploy.application import Application
from aurify.deploy.artifact import Artifact
from aurify.deploy.following import Patience, follow
from aurify.deploy.image.base_image import Base
from aurify.deploy.image.image import Image
from aurify.deploy.image.layer import layer
from aurify.deploy.image.tar_content import RUN, add_bytes, add_tar
from aurify.deploy.k8s.api import Api, Refused
from aurify.deploy.k8s.cluster import Kubernetes, quantity
from aurify.deploy.k8s.manifests import cron_job, spark_application
from aurify.deploy.k8s.submission import ACCOUNT, kubernetes_submission, plain_name
from aurify.deploy.package import Package
from aurify.deploy.preflight import k8s_checks
from aurify.deploy.program import Program
from aurify.deploy.spark_submit import SparkSubmit
from aurify.deploy.submission import How
from aurify.errors import ConfigurationError, EnvironmentFailure

REPOSITORY = Path(__file__).parents[2]
IMAGE = "registry.example/team/aurify@sha256:0"
FOLDER = "s3a://lake/_submitted"
REFRESH = Program(("refresh",), "The Day: all of it")
SECRET_KEY = "spark.kubernetes.driver.secretKeyRef.SLACK_TOKEN"


class Answers(Api):
    """An API that answers what it is given, by path; what is an error is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def ask(self, path: str, **query: str) -> Any:
        self.asked.append(path)
        return self._answer(path)

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        attributes = body["spec"]["resourceAttributes"]
        deed = f"{attributes['verb']} {attributes['resource']}"
        if body["spec"].get("user") and "nobody asks for others" in self.answers:
            raise Refused("not for you")
        return {"status": {"allowed": deed not in self.answers.get("forbidden", ())}}

    def _answer(self, path: str) -> Any:
        found = self.answers.get(path.rpartition("/")[2], LookupError(path))
        if isinstance(found, Exception):
            raise found
        return found


def _pod(phase: str, state: Mapping[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    about = {"name": "driver", "creationTimestamp": "2026-11-24T02:00:00Z", "labels": labels}
    status = {"phase": phase, "containerStatuses": [{"state": state}] if state else []}
    return {"metadata": about, "status": status, "spec": {"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]}}


def _told(pod: Mapping[str, Any], **recorded: int) -> Application:
    return Kubernetes(Answers(driver=pod), "spark", lambda tag: recorded.get(tag)).application("driver")


ENDED = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-24T02:01:00Z"}}


def test_a_driver_ended_with_what_its_program_wrote_down() -> None:
    app = _told(_pod("Failed", ENDED, **{"aurify-submission": "one"}), one=2)
    assert app.outcome is not None
    assert (app.outcome.exit_code, app.state, app.ended_ms) == (2, "Failed", app.started_ms + 60_000)


def test_a_driver_that_wrote_down_no_end_failed_by_the_environment() -> None:
    app = _told(_pod("Failed", ENDED))
    assert app.outcome is not None
    assert app.outcome.exit_code == 3
    assert "Error, exit 1" in app.outcome.said


def test_a_driver_that_outgrew_its_memory_is_told_what_to_raise() -> None:
    app = _told(_pod("Failed", {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}))
    assert app.outcome is not None
    assert "more memory than 1Gi; raise spark.driver.memory" in app.outcome.said


def test_what_a_pod_waits_for_is_told_and_an_image_that_never_comes_ends_the_waiting() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not\n found"}}
    app = _told(_pod("Pending", waiting))
    assert (app.state, app.diagnostics, app.outcome) == ("ImagePullBackOff", "ImagePullBackOff: not found", None)
    killed: list[str] = []

    class Stuck:
        def application(self, id: str) -> Application:
            return app

        def progress(self, id: str) -> str:
            return ""

        def waiting_tasks(self, id: str) -> int:
            return 0

        def shortage(self, app: Application) -> str:
            return ""

        def kill(self, id: str) -> None:
            killed.append(id)

    with pytest.raises(EnvironmentFailure, match="not found, so it was killed"):
        follow(Stuck(), "driver", Patience(60, 60, 0.01), lambda text: None)
    assert killed == ["driver"]
    unschedulable = _pod("Pending")
    message = "0/1 nodes are available: 1 Insufficient memory."
    unschedulable["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    ]
    assert _told(unschedulable).diagnostics == f"Unschedulable: {message}"
    assert not _told(unschedulable).is_hopeless


def test_a_pod_that_is_gone_is_told() -> None:
    with pytest.raises(ConfigurationError, match="no such pod in the namespace spark"):
        Kubernetes(Answers(), "spark").application("driver")


def test_quantities_are_numbers() -> None:
    assert [quantity(text) for text in ("2", "500m", "1Gi", "1500Mi", "1k", "0.5")] == [
        2, 0.5, 1024.0**3, 1500 * 1024.0**2, 1000, 0.5,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="much"):
        quantity("much")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AURIFY_WAREHOUSE", "s3a://lake/tables")
    monkeypatch.setenv("KUBERNETES_API", "https://10.0.0.1:6443")
    return load_settings(REPOSITORY, "k8s")


@pytest.fixture
def package(tmp_path: Path) -> Package:
    (tmp_path / "delta.jar").write_bytes(b"jar")
    one = Artifact.of(tmp_path, "delta.jar", "")
    return Package(one, one, one, one, (one,), (), one, (one,), "3.11", "3.5.9", "2.12", tmp_path / "m.json")


def _line(settings: Settings, package: Package, mode: str, **conf: str) -> SparkSubmit:
    how = How(mode, conf, "aurify-0a1b2c")
    return kubernetes_submission(settings, how, IMAGE, package, REFRESH, FOLDER)


def test_a_driver_is_found_by_its_tag_and_its_executors_by_its_name(settings: Settings, package: Package) -> None:
    line = _line(settings, package, "cluster", **{"spark.kubernetes.submission.waitAppCompletion": "true"})
    assert line.conf["spark.kubernetes.container.image"] == IMAGE
    assert line.conf["spark.kubernetes.driver.pod.name"] == "the-day-all-of-it-0a1b2c-driver"
    assert line.conf["spark.kubernetes.executor.podNamePrefix"] == "the-day-all-of-it-0a1b2c"
    assert line.conf["spark.kubernetes.driver.label.aurify-submission"] == "aurify-0a1b2c"
    assert line.conf["spark.kubernetes.submission.waitAppCompletion"] == "false"
    assert line.conf["spark.kubernetes.driverEnv.AURIFY_WAREHOUSE"] == "s3a://lake/tables"
    assert line.arguments == (f"{FOLDER}/ended/aurify-0a1b2c", "refresh")
    assert line.jars == ("local:///opt/aurify/jars/delta.jar",)
    assert line.master == "k8s://https://10.0.0.1:6443"


def test_a_driver_here_has_its_own_jars_and_pods_the_python_of_the_image(settings: Settings, package: Package) -> None:
    line = _line(settings, package, "client")
    assert line.jars == (str(package.jars[0].path),)
    assert line.environment["PYSPARK_PYTHON"] == "/opt/aurify/python/bin/python"
    assert "spark.pyspark.python" not in line.conf
    assert "spark.kubernetes.driver.pod.name" not in line.conf


def test_names_are_such_that_kubernetes_takes_them() -> None:
    assert plain_name(Program(("x",), "Ä")) == "aurify"
    assert plain_name(Program(("x",), "a" * 80)) == "a" * 32
    assert plain_name(Program(("x",), "jobs/score_batch.py --x")) == "jobs-score-batch-py-x"


def test_a_secret_reaches_a_driver_by_reference_alone(
    tmp_path: Path, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AURIFY_WAREHOUSE", "SLACK_TOKEN"):
        monkeypatch.setenv(name, "s3a://hidden/one")
    for env, text in (
        ("base", (REPOSITORY / "conf/base/settings.yml").read_text()),
        ("k8s", "spark: {master: 'k8s://https://x:1'}\nsources: ${SLACK_TOKEN}\n"),
    ):
        (tmp_path / "conf" / env).mkdir(parents=True)
        (tmp_path / "conf" / env / "settings.yml").write_text(text)
    settings = load_settings(tmp_path, "k8s")
    (refused,) = k8s_checks.secrets(settings, {})
    assert (refused.what, refused.grade) == ("variable SLACK_TOKEN", "bad")
    assert SECRET_KEY in refused.hint
    assert k8s_checks.secrets(settings, {SECRET_KEY: "slack:token"}) == []
    how = How("cluster", {SECRET_KEY: "slack:token"}, "aurify-1")
    line = kubernetes_submission(settings, how, IMAGE, package, REFRESH, FOLDER)
    assert "spark.kubernetes.driverEnv.SLACK_TOKEN" not in line.conf
    assert line.conf[SECRET_KEY] == "slack:token"
    job = cron_job(settings, how, IMAGE, package, REFRESH, FOLDER, "0 3 * * *")
    container = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    reference = {"secretKeyRef": {"name": "slack", "key": "token"}}
    assert {"name": "SLACK_TOKEN", "valueFrom": reference} in container["env"]
    written = How("cluster", {"spark.hadoop.fs.s3a.secret.key": "hidden"}, "aurify-1")
    with pytest.raises(ConfigurationError, match="no secret in a manifest"):
        spark_application(settings, written, IMAGE, package, REFRESH, FOLDER)


def test_a_cron_job_is_its_own_driver(settings: Settings, package: Package) -> None:
    how = How("cluster", {"spark.kubernetes.driverEnv.AWS_REGION": "eu"}, "aurify-1")
    job = cron_job(settings, how, IMAGE, package, REFRESH, FOLDER, "0 3 * * *")
    assert yaml.safe_load(yaml.safe_dump(job)) == job
    assert (job["spec"]["schedule"], job["spec"]["concurrencyPolicy"]) == ("0 3 * * *", "Forbid")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]
    assert pod["metadata"]["labels"] == {"aurify": "true", "spark-role": "driver"}
    (container,) = pod["spec"]["containers"]
    assert "spark.kubernetes.driver.pod.name=$(POD_NAME)" in container["args"]
    assert container["args"][-2:] == [f"{FOLDER}/ended/$(POD_NAME)", "refresh"]
    assert {"name": "AWS_REGION", "value": "eu"} in container["env"]
    assert container["resources"]["limits"]["memory"] == f"{2048 + int(2048 * 0.4)}Mi"


def test_an_application_of_the_operator_names_the_same(settings: Settings, package: Package) -> None:
    app = spark_application(settings, How("cluster", {}, "aurify-1"), IMAGE, package, REFRESH, FOLDER)
    assert (app["kind"], app["spec"]["sparkVersion"], app["spec"]["image"]) == ("SparkApplication", "3.5.9", IMAGE)
    assert app["spec"]["arguments"] == [f"{FOLDER}/ended/$(SPARK_APPLICATION_ID)", "refresh"]


def test_a_namespace_and_an_account_that_are_not_there_are_told() -> None:
    (told,) = k8s_checks.namespace(Answers(), "nowhere", {})
    assert (told.found, told.is_setting) == ("no namespace 'nowhere'", True)
    account = {ACCOUNT: "nobody"}
    (told,) = k8s_checks.namespace(Answers(spark={}), "spark", account)
    assert told.found == "no 'nobody' in spark"
    hidden = Refused("forbidden")
    (told,) = k8s_checks.namespace(Answers(spark=hidden, nobody=hidden), "spark", account)
    assert told.grade == "good"


def test_rights_that_are_missing_are_told_for_us_and_for_the_driver() -> None:
    ours, drivers = k8s_checks.rights(Answers(forbidden=("create pods",)), "spark", {}, "cluster")
    assert ours.found == "we may not create pods in spark"
    assert drivers.found == "system:serviceaccount:spark:default may not create pods in spark"
    unasked = k8s_checks.rights(Answers(**{"nobody asks for others": True}), "spark", {}, "cluster")
    assert [told.grade for told in unasked] == ["good", "good"]
    assert len(k8s_checks.rights(Answers(), "spark", {}, "client")) == 1


@pytest.mark.parametrize(
    ("hard", "used", "short"),
    [
        ({"pods": "2"}, {}, None),
        ({"pods": "1"}, {}, "0 of 1 pods in use, 2 more"),
        ({"limits.memory": "4Gi"}, {"limits.memory": "2Gi"}, "2Gi of 4Gi limits.memory in use, 2866Mi more"),
        ({"requests.cpu": "3"}, {"requests.cpu": "1500m"}, "1500m of 3 requests.cpu in use, 2 more"),
        ({"services": "0"}, {}, None),
    ],
)
def test_a_quota_without_room_for_driver_and_executor_is_told(
    hard: dict[str, str], used: dict[str, str], short: str | None
) -> None:
    quota = {"metadata": {"name": "q"}, "status": {"hard": hard, "used": used}}
    (told,) = k8s_checks.room(Answers(resourcequotas={"items": [quota]}), "spark", {}, "cluster")
    assert told.grade == ("good" if short is None else "bad")
    assert short is None or short in told.found


def test_memory_that_no_node_gives_is_told() -> None:
    node = {"spec": {}, "status": {"allocatable": {"memory": "2097152Ki", "cpu": "2"}}}
    cluster = Kubernetes(Answers(nodes={"items": [node]}), "spark")
    driver, executor = k8s_checks.memory(cluster, {"spark.executor.memory": "4g"}, "cluster")
    assert driver.grade == "good"
    assert (executor.grade, executor.expected) == ("bad", "2048 MB at most: the largest node")
    (hidden,) = k8s_checks.memory(Kubernetes(Answers(nodes=Refused("no")), "spark"), {}, "cluster")
    assert "which we may not look at" in hidden.found


def test_the_same_layer_has_the_same_bytes_and_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(archive: tarfile.TarFile) -> None:
        add_bytes(archive, "/opt/one", b"content", RUN)

    made = []
    for name in ("a", "b"):
        monkeypatch.setenv("AURIFY_CACHE", str(tmp_path / name))
        made += [layer("one", ["x"], write), layer("one", ["x"], write)]
    assert [step.built for _, step in made] == [True, False, True, False]
    assert len({one.digest for one, _ in made}) == 1
    one = made[0][0]
    content = one.path.read_bytes()
    assert one.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert one.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(content)).hexdigest()}"
    with tarfile.open(one.path) as archive:
        assert [(entry.name, entry.mode, entry.uid) for entry in archive] == [("opt/one", 0o755, 0)]


def test_an_archive_is_put_below_a_prefix_as_it_is(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        add_bytes(archive, "bin/python", b"elf", RUN)
        link = tarfile.TarInfo("bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, "python"
        archive.addfile(link)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w|") as archive:
        add_tar(archive, "/opt/python", tmp_path / "a.tar.gz")
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        assert [(e.name.lstrip("/"), e.linkname) for e in archive] == [
            ("opt/python/bin/python", ""),
            ("opt/python/bin/python3", "python"),
        ]


def test_an_image_is_written_as_a_layout_that_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURIFY_CACHE", str(tmp_path / "cache"))
    one, step = layer("one", ["x"], lambda archive: add_bytes(archive, "a", b"a"))
    base = Base((one,), (step,))
    image = Image(base.layers, b"{}", base.steps)
    image.write_layout(tmp_path / "image")
    other = replace(image, config=b'{"a":1}')
    other.write_layout(tmp_path / "image")
    index = json.loads((tmp_path / "image/index.json").read_text())
    assert index["manifests"][0]["digest"] == other.digest
    blobs = {path.name for path in (tmp_path / "image/blobs/sha256").iterdir()}
    assert {f"sha256:{name}" for name in blobs} >= {other.digest, one.digest}
    assert len(blobs) == 3
    for name in blobs:
        content = (tmp_path / "image/blobs/sha256" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == name
