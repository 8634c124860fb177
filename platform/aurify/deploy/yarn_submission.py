"""What a submission to YARN says: files that lie on the cluster, Python of the package, settings of the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aurify.config.references import is_secret_name
from aurify.config.settings import Settings
from aurify.deploy.artifact import Artifact
from aurify.deploy.local_submission import with_quiet_driver
from aurify.deploy.package import Package
from aurify.deploy.program import Program
from aurify.deploy.shipping import Shipment
from aurify.deploy.spark_submit import SparkSubmit
from aurify.deploy.yarn import TAG

PYTHON, PROJECT = "python", "project"
RUNNER = Path(__file__).with_name("runner.py")
LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")


def shipped(package: Package) -> list[Artifact]:
    """The files that the cluster must have."""
    return [
        own_file(RUNNER),
        own_file(LOG_SETTINGS),
        package.code,
        package.project,
        package.python,
        *package.jars,
        package.spark,
        *package.pyspark,
    ]


def yarn_submission(
    settings: Settings, mode: str, package: Package, program: Program, ship: Shipment, tag: str
) -> SparkSubmit:
    """The submission of a program to YARN."""
    uri = ship.uri
    forwarded = forwarded_variables(settings)
    on_nodes = {**forwarded, "PYSPARK_PYTHON": f"./{PYTHON}/bin/python", "AURIFY_ENV": settings.env}
    if mode == "cluster":
        on_nodes["AURIFY_PROJECT"] = f"./{PROJECT}"
    user = os.environ.get("HADOOP_USER_NAME") or os.environ.get("USER")
    if user:  # the pure client of HDFS on the nodes is the one who submits, as Spark's own is
        on_nodes["HADOOP_USER_NAME"] = user
    own = {
        "spark.yarn.archive": uri(package.spark),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events_folder(ship.folder),
        "spark.yarn.submit.waitAppCompletion": "false",
        "spark.yarn.tags": f"{TAG},{tag}",
        **{f"spark.yarn.appMasterEnv.{name}": value for name, value in on_nodes.items()},
        **{f"spark.executorEnv.{name}": value for name, value in _of_executors(on_nodes).items()},
    }
    return SparkSubmit(
        program=uri(own_file(RUNNER)) if mode == "cluster" else str(RUNNER),
        arguments=(ended_record(ship.folder, tag), *program.words),
        master="yarn",
        deploy_mode=mode,
        name=program.name,
        conf=_with_logs({**own, **settings.spark.submitted}, mode),
        files=(uri(own_file(LOG_SETTINGS)),),
        py_files=(uri(package.code),),
        archives=(f"{uri(package.python)}#{PYTHON}", f"{uri(package.project)}#{PROJECT}"),
        jars=tuple(uri(jar) for jar in package.jars),
        environment=_of_client(settings, mode, [uri(file) for file in package.pyspark]),
    )


def ended_record(folder: str, tag: str) -> str:
    """Where a submission writes down what it ended with."""
    return f"{folder}/ended/{tag}"


def events_folder(folder: str) -> str:
    """Where applications leave what a history server shows of them."""
    return f"{folder}/events"


def own_file(path: Path) -> Artifact:
    """A file of the engine that is shipped by itself."""
    return Artifact.of(path.parent, path.name, "the engine")


def _with_logs(conf: Mapping[str, str], mode: str) -> dict[str, str]:
    """The settings with Spark's own log in a file of its own where YARN starts a JVM; of a driver here errors alone."""
    keys = ["spark.executor.extraJavaOptions"] + (["spark.driver.extraJavaOptions"] if mode == "cluster" else [])
    option = f"-Dlog4j2.configurationFile={LOG_SETTINGS.name}"
    led = {**conf, **{key: f"{conf.get(key, '')} {option}".strip() for key in keys}}
    return led if mode == "cluster" else with_quiet_driver(led)


def forwarded_variables(settings: Settings) -> dict[str, str]:
    """The variables that the settings refer to, as they are here: the driver reads the same files there."""
    return {name: os.environ[name] for name in sorted(settings.variables) if name in os.environ}


def _of_executors(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name in ("PYSPARK_PYTHON", "HADOOP_USER_NAME")}


def _of_client(settings: Settings, mode: str, pyspark: Sequence[str]) -> dict[str, str]:
    """What the submitting process needs around it."""
    around = {"PYSPARK_ARCHIVES_PATH": ",".join(pyspark)}
    if mode == "client":
        around |= {"PYSPARK_PYTHON": f"./{PYTHON}/bin/python", "PYSPARK_DRIVER_PYTHON": sys.executable}
        around |= {"AURIFY_PROJECT": str(settings.root), "AURIFY_ENV": settings.env}
    return around


def secret_variables(settings: Settings) -> list[str]:
    """The variables among the forwarded ones that hold secrets."""
    return [name for name in forwarded_variables(settings) if is_secret_name(name)]
