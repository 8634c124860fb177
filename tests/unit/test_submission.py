"""What a submission says, how an application is followed, and what a person is told before anything is shipped."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aurify.config.references import holds_secret, referred, without_password
from aurify.config.settings import load_settings
from aurify.deploy.application import Application, Outcome
from aurify.deploy.artifact import Artifact
from aurify.deploy.following import Patience, follow
from aurify.deploy.memory import driver_container, executor_container, size_mb
from aurify.deploy.package import Package
from aurify.deploy.preflight import here, storage_checks
from aurify.deploy.preflight.finding import Finding, bad, refuse
from aurify.deploy.program import Program
from aurify.deploy.shipping import Shipment
from aurify.deploy.spark_account import SparkAccount
from aurify.deploy.spark_submit import SparkSubmit
from aurify.deploy.submission import How, forwarded_variables
from aurify.deploy.yarn import Yarn, hadoop_settings, resource_managers
from aurify.deploy.yarn_logs import driver_log
from aurify.deploy.yarn_submission import yarn_submission
from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.storage import Storage

REPOSITORY = Path(__file__).parents[2]
LINE = SparkSubmit(
    "hdfs://n/runner.py",
    ("refresh", "gold.*"),
    "yarn",
    "cluster",
    "the day",
    {"spark.executor.memory": "2g", "spark.hadoop.fs.s3a.secret.key": "hidden"},
    py_files=("hdfs://n/code.zip",),
    archives=("hdfs://n/p.tar.gz#python",),
)
RUNNING = Application("app_1", "the day", "RUNNING", 0, None, "queue default", "", True, None)


def test_a_secret_stands_in_no_command_line_but_in_a_file() -> None:
    words = LINE.argv(Path("/spark"), Path("/tmp/s.properties"))
    assert "hidden" not in " ".join(words)
    assert words[1:3] == ["--properties-file", "/tmp/s.properties"]
    assert "spark.hadoop.fs.s3a.secret.key=***" in LINE.shown()
    assert "hidden" not in LINE.shown()
    assert LINE.secret_conf == {"spark.hadoop.fs.s3a.secret.key": "hidden"}


def test_the_shown_line_can_be_pasted() -> None:
    assert LINE.shown().endswith("hdfs://n/runner.py refresh 'gold.*'")
    assert "--name 'the day'" in LINE.shown()
    assert "--archives" in LINE.shown()


def test_names_of_secrets_are_told_from_others() -> None:
    secret = ("AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "AWS_CREDENTIALS", "OPENAI_API_KEY")
    assert all(holds_secret(name, "x") for name in secret)
    assert not holds_secret("spark.kubernetes.driver.secretKeyRef.AWS_SECRET_ACCESS_KEY", "s3-keys:secret")
    assert holds_secret("MLFLOW_TRACKING_URI", "http://user:hunter2@host:5000")
    assert not any(holds_secret(name, "hdfs://n:8020/lake") for name in ("AURIFY_WAREHOUSE", "AURIFY_SOURCES"))
    assert without_password("http://user:hunter2@host:5000") == "http://user:***@host:5000"
    assert referred({"a": "${ONE}/${TWO:-x}", "b": [{"c": "${THREE}"}], "d": 1}) == {"ONE", "TWO", "THREE"}


def test_what_the_settings_refer_to_is_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURIFY_WAREHOUSE", "hdfs://n/lake")
    monkeypatch.setenv("SOMETHING_ELSE", "x")
    assert forwarded_variables(load_settings(REPOSITORY, "yarn"))["AURIFY_WAREHOUSE"] == "hdfs://n/lake"
    assert "SOMETHING_ELSE" not in forwarded_variables(load_settings(REPOSITORY, "yarn"))


def _line(tmp_path: Path, mode: str, **conf: str) -> SparkSubmit:
    (tmp_path / "part").write_bytes(b"part")
    part = Artifact.of(tmp_path, "part", "")
    package = Package(part, part, part, part, (part,), (), part, (part,), "3.11", "3.5.9", "2.12", tmp_path / "m.json")
    settings, ship = load_settings(REPOSITORY, "yarn"), Shipment(Storage(), "hdfs://n:1/files")
    how = How(mode, {f"spark.{key}": value for key, value in conf.items()}, "aurify-1")
    return yarn_submission(settings, how, package, Program(("refresh",), "the day"), ship)


def test_settings_of_a_person_go_beside_those_that_a_submission_rests_on(tmp_path: Path) -> None:
    more = {"yarn.tags": "team", "yarn.submit.waitAppCompletion": "true", "jars.packages": "a:b:1"}
    conf = _line(tmp_path, "cluster", **more, **{"driver.extraJavaOptions": "-XX:+UseG1GC"}).conf
    assert conf["spark.yarn.tags"] == "team,aurify,aurify-1"
    assert conf["spark.yarn.submit.waitAppCompletion"] == "false"
    assert "spark.jars.packages" not in conf
    assert conf["spark.driver.extraJavaOptions"] == "-XX:+UseG1GC -Dlog4j2.configurationFile=log4j2.properties"


def test_a_driver_on_the_cluster_finds_its_project_and_one_here_its_own(tmp_path: Path) -> None:
    there, here = _line(tmp_path, "cluster"), _line(tmp_path, "client")
    assert there.conf["spark.yarn.appMasterEnv.AURIFY_PROJECT"] == "./project"
    assert there.conf["spark.yarn.appMasterEnv.AURIFY_SUBMISSION"] == "aurify-1"
    assert there.program.startswith("hdfs://n:1/files/")
    assert here.program.endswith("runner.py")
    assert here.environment["AURIFY_PROJECT"] == str(REPOSITORY)
    assert there.arguments == ("hdfs://n:1/files/ended/aurify-1", "refresh")


def test_values_reach_the_nodes_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURIFY_SOURCES", 'hdfs://n/$a"`b`')
    assert _line(tmp_path, "cluster").conf["spark.yarn.appMasterEnv.AURIFY_SOURCES"] == 'hdfs://n/\\$a\\"\\`b\\`'


def test_a_file_is_shipped_once(tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(b"code")
    artifact = Artifact.of(tmp_path, "code.zip", "")
    first, second = (Shipment(Storage(), str(tmp_path / "there")) for _ in range(2))
    first.send([artifact])
    second.send([artifact])
    assert (first.sent, second.sent) == ({"code.zip": 4}, {})
    assert Path(first.uri(artifact)).read_bytes() == b"code"
    assert artifact.sha256[:16] in first.uri(artifact)
    changed = Path(first.uri(artifact)).stat().st_mtime_ns
    Storage().upload(artifact.path, first.uri(artifact))  # by another submission, at the same time
    assert Path(first.uri(artifact)).stat().st_mtime_ns == changed


class Told:
    """A cluster that gives its answers in turn."""

    def __init__(self, *answers: Application | Exception) -> None:
        self.answers = list(answers)
        self.killed: list[str] = []
        self.waiting = 0

    def application(self, id: str) -> Application:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def progress(self, id: str) -> str:
        return "3 jobs done"

    def waiting_tasks(self, id: str) -> int:
        return self.waiting

    def shortage(self, app: Application) -> str:
        return "100 % of queue default in use"

    def kill(self, id: str) -> None:
        self.killed.append(id)


LONG = Patience(start_s=60, end_s=60, pause_s=0.01)


def test_an_application_is_followed_to_its_own_exit_code() -> None:
    waits = replace(RUNNING, state="ACCEPTED", is_running=False, diagnostics="waits for room")
    away = EnvironmentFailure.of("YARN", "no answer", "one")
    ended = replace(RUNNING, state="FAILED", outcome=Outcome(1, ""))
    heard: list[str] = []
    assert follow(Told(waits, away, RUNNING, RUNNING, ended), "app_1", LONG, heard.append).exit_code == 1
    assert heard == ["accepted: waits for room", "running: 3 jobs done"]


WAITS = replace(RUNNING, state="ACCEPTED", is_running=False, diagnostics="AM limit exceeded")


@pytest.mark.parametrize(
    ("stuck", "waiting", "patience", "found"),
    [
        (
            WAITS,
            0,
            Patience(0.05, 60, 0.01),
            r"not started (.|\n)*AM limit exceeded; 100 % of queue default(.|\n)*start_",
        ),
        (
            RUNNING,
            7,
            Patience(0.05, 60, 0.01),
            r"no executor for 7 tasks (.|\n)*100 % of queue default(.|\n)*start_within",
        ),
        (RUNNING, 0, Patience(60, 0.05, 0.01), r"not ended after (.|\n)*submit\.end_within_s"),
    ],
)
def test_nothing_is_waited_for_without_an_end(stuck: Application, waiting: int, patience: Patience, found: str) -> None:
    cluster = Told(stuck)
    cluster.waiting = waiting
    with pytest.raises(EnvironmentFailure, match=found):
        follow(cluster, "app_1", patience, lambda text: None)
    assert cluster.killed == ["app_1"]


def test_work_that_goes_on_between_two_waits_is_not_ended_by_the_limit_of_one() -> None:
    class NowAndThen(Told):
        def waiting_tasks(self, id: str) -> int:
            self.waiting += 1
            return self.waiting % 2

    ended = replace(RUNNING, state="FINISHED", outcome=Outcome(0, ""))
    cluster = NowAndThen(*[RUNNING] * 12, ended)
    assert follow(cluster, "app_1", Patience(0.08, 60, 0.02), lambda text: None).exit_code == 0


def test_tasks_wait_where_stages_run_and_no_executor_does() -> None:
    def waiting(stages: object, *executors: str) -> int:
        answers = {"stages?status=active": stages, "executors": [{"id": name} for name in executors]}
        return SparkAccount(lambda what: answers[what]).waiting_tasks()

    stage = {"numTasks": 8, "numCompleteTasks": 3, "numActiveTasks": 0}
    assert waiting([stage], "driver") == 5
    assert waiting([stage], "driver", "1") == 0
    assert waiting([{**stage, "numActiveTasks": 1}], "driver") == 0
    assert waiting([], "driver") == 0


def test_memory_is_what_spark_asks_for() -> None:
    assert [size_mb(text) for text in ("1g", "1500m", "2048k", "512", "1gb")] == [1024, 1500, 2, 512, 1024]
    assert executor_container({"spark.executor.memory": "1g"}).total_mb == 1408
    assert executor_container({"spark.executor.memory": "8g"}).total_mb == 8192 + 819
    assert executor_container({"spark.executor.memory": "1g"}).rounded_mb(256) == 1536
    more = {"spark.executor.pyspark.memory": "512m", "spark.executor.memoryOverhead": "1g"}
    assert executor_container({"spark.executor.memory": "2g", **more}).total_mb == 2048 + 1024 + 512
    assert driver_container({"spark.driver.memory": "5g"}, "cluster").total_mb == 5120 + 512
    assert driver_container({"spark.driver.memory": "5g"}, "client").total_mb == 512 + 384
    off_heap = {"spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1g"}
    assert executor_container({"spark.executor.memory": "1g", **off_heap}).total_mb == 1408 + 1024
    assert size_mb("1048576", "b") == 1
    for text in ("much", "2.5g"):
        with pytest.raises(ValueError, match=text):
            size_mb(text)


def _hadoop(folder: Path, properties: dict[str, str]) -> str:
    rows = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in properties.items())
    for name in ("core-site.xml", "yarn-site.xml"):
        (folder / name).write_text(f"<configuration>{rows}</configuration>")
    return str(folder)


def test_all_resource_managers_of_a_pair_are_asked(tmp_path: Path) -> None:
    pair = {
        "yarn.resourcemanager.ha.rm-ids": "a, b",
        "yarn.resourcemanager.hostname.a": "one",
        "yarn.resourcemanager.webapp.address.b": "two:8090",
    }
    assert resource_managers(hadoop_settings(_hadoop(tmp_path, pair))) == ["http://one:8088", "http://two:8090"]
    assert resource_managers({"yarn.http.policy": "HTTPS_ONLY", "yarn.resourcemanager.hostname": "rm"}) == [
        "https://rm:8090"
    ]


def test_a_folder_that_is_no_configuration_of_hadoop_is_told(tmp_path: Path) -> None:
    for folder in (None, str(tmp_path)):
        with pytest.raises(ConfigurationError, match="set HADOOP_CONF_DIR"):
            hadoop_settings(folder)


@pytest.mark.parametrize(
    ("state", "final", "said", "tags", "code"),
    [
        ("RUNNING", "UNDEFINED", "", "aurify,aurify-two", None),
        ("FINISHED", "SUCCEEDED", "", "aurify,aurify-two", 2),
        ("FAILED", "FAILED", "exited with exitCode: 13", "aurify,aurify-two", 2),
        ("FINISHED", "SUCCEEDED", "", "aurify,aurify-none", 3),
        ("FINISHED", "SUCCEEDED", "", "of others", 0),
        ("FINISHED", "FAILED", "User application exited with status 7", "aurify,aurify-none", 7),
        ("FAILED", "FAILED", "exited with exitCode: 137", "aurify,aurify-none", 3),
        ("KILLED", "KILLED", "killed by root", "aurify,aurify-two", 3),
    ],
)
def test_an_application_ended_with_what_its_program_wrote_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, final: str, said: str, tags: str, code: int | None
) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", _hadoop(tmp_path, {"yarn.resourcemanager.hostname": "rm"}))
    told = {"state": state, "finalStatus": final, "diagnostics": said, "applicationTags": tags}
    more = {"id": "app_1", "name": "n", "startedTime": 1, "finishedTime": 0, "queue": "q", "user": "u"}
    yarn = Yarn({"aurify-two": 2}.get)
    outcome = yarn._application({**told, **more}).outcome
    assert (outcome and outcome.exit_code) == code


def test_the_driver_is_told_from_executors_and_attempts_from_each_other() -> None:
    def log(*lines: str) -> str:
        return "\n".join(["Container: c on host", "LogType:stderr", "LogContents:", *lines, "End of LogType:stderr"])

    logs = {
        "container_1_0001_01_000001": log("killed here"),
        "container_1_0001_01_000002": log("an executor"),
        "container_1_0001_02_000001": log("went on"),
    }
    assert driver_log(logs).splitlines() == ["--- attempt 1", "killed here", "--- attempt 2", "went on"]
    assert driver_log({"container_e05_1_0001_01_000001": log("alone")}) == "alone"


def _runner(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aurify.deploy.runner", str(tmp_path / "ended"), *words]
    environment = {"AURIFY_PROJECT": str(tmp_path), "PYTHONPATH": str(REPOSITORY / "platform"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("code", "again"), [(0, 0), (1, 1), (2, 2), (3, 5)])
def test_an_attempt_after_one_that_ended_for_good_does_nothing(tmp_path: Path, code: int, again: int) -> None:
    job = tmp_path / "job.py"
    job.write_text(f"import sys; print('worked', *sys.argv[1:]); sys.exit({code})")
    first = _runner(tmp_path, "job.py", "a")
    assert (first.returncode, first.stdout) == (code, "worked a\n")
    job.write_text("import sys; sys.exit(5)")
    assert _runner(tmp_path, "job.py", "a").returncode == again


def test_a_command_of_aurify_runs_under_the_runner(tmp_path: Path) -> None:
    ran = _runner(tmp_path, "--version")
    assert ran.returncode == 0
    assert ran.stdout.startswith("aurify ")


def test_a_program_that_is_none_of_the_project_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="there is: jobs/"):
        Program(("jobs/scores.py",), "x").refuse_missing(REPOSITORY)
    Program(("jobs/score_batch.py",), "x").refuse_missing(REPOSITORY)
    Program(("refresh",), "x").refuse_missing(REPOSITORY)


def test_places_of_one_machine_are_no_places_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AURIFY_WAREHOUSE", raising=False)
    monkeypatch.setenv("AURIFY_SOURCES", "hdfs://n/sources")
    found = storage_checks.places(load_settings(REPOSITORY, "yarn"))
    assert [(told.what, told.is_setting) for told in found] == [("settings: warehouse", True)]


def test_files_of_a_submission_on_s3_are_a_warning() -> None:
    (told,) = storage_checks.shipped_files("s3a://lake/tables")
    assert told.grade == "warning"
    assert "AURIFY_FILES" in told.hint
    assert storage_checks.shipped_files("hdfs://n:8020/aurify") == []


def test_a_store_that_lets_two_create_one_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [told.grade for told in storage_checks.commits(Storage(), str(tmp_path))] == ["good"]
    assert list(tmp_path.rglob("probe-*")) == []

    def careless(self: Storage, path: str, content: bytes) -> bool:
        self.write(path, content)
        return True

    monkeypatch.setattr(Storage, "create", careless)
    (told,) = storage_checks.commits(Storage(), str(tmp_path))
    assert (told.grade, told.expected) == ("bad", "the second creation refused")


@pytest.mark.parametrize(
    ("conf", "trains", "grade"),
    [
        ({}, True, "good"),
        ({"spark.dynamicAllocation.enabled": "true"}, False, "bad"),
        ({"spark.dynamicAllocation.enabled": "true", "spark.shuffle.service.enabled": "true"}, False, "good"),
        ({"spark.dynamicAllocation.enabled": "true", "spark.shuffle.service.enabled": "true"}, True, "bad"),
    ],
)
def test_executors_that_come_and_go_suit_no_training(conf: dict[str, str], trains: bool, grade: str) -> None:
    assert [told.grade for told in here.allocation(conf, trains)] == [grade]


def test_jars_of_another_scala_are_told() -> None:
    fine = ["delta-spark_2.12-3.3.3.jar", "isolation-forest_3.5.0_2.12-3.0.5.jar", "plain-1.0.jar"]
    (told,) = here.jars([Path(name) for name in (*fine, "synapse_2.13-1.1.jar")])
    assert (told.grade, told.found) == ("bad", "synapse_2.13-1.1.jar")


def test_all_that_is_wrong_is_told_at_once_and_settings_before_the_environment() -> None:
    refuse([Finding("a", "good")], "yarn")
    with pytest.raises(EnvironmentFailure):
        refuse([bad("YARN", "away", "an answer")], "yarn")
    with pytest.raises(ConfigurationError, match="2 problems") as told:
        refuse([bad("YARN", "away", "an answer"), bad("queue", "none", "one", is_setting=True)], "yarn")
    assert "nothing was shipped" in str(told.value)
    assert json.dumps(Finding("a", "b").as_dict())
