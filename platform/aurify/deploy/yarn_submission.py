"""What a submission to YARN says: files that lie on the cluster, Python of the package, settings of the environment."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aurify.config.settings import Settings
from aurify.deploy.artifact import Artifact
from aurify.deploy.local_submission import EXECUTOR_JAVA_OPTIONS, with_log_settings, with_quiet_driver
from aurify.deploy.package import Package
from aurify.deploy.program import Program
from aurify.deploy.shipping import Shipment
from aurify.deploy.spark_submit import SparkSubmit
from aurify.deploy.submission import REDACTED, TAG, How, ended_record, events_folder, forwarded_variables
from aurify.deploy.yarn import hadoop_user
from aurify.publish.lease import SUBMISSION
from aurify.session.jars import PACKAGES
from aurify.session.spark import JAVA_OPTIONS

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


def yarn_submission(settings: Settings, how: How, package: Package, program: Program, ship: Shipment) -> SparkSubmit:
    """The submission of a program to YARN."""
    uri = ship.uri
    is_cluster = how.mode == "cluster"
    given = {**settings.spark.submitted, **how.conf}
    given.pop(PACKAGES, None)  # they are shipped as files
    tags = [given.get("spark.yarn.tags", ""), TAG, how.tag]
    conf = {
        "spark.yarn.archive": uri(package.spark),
        "spark.yarn.am.waitTime": f"{settings.submit.end_within_s:.0f}s",  # work may take long before it needs Spark
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events_folder(ship.folder),
        "spark.redaction.regex": REDACTED,
        **_variables(settings, how),
        **given,
        "spark.yarn.submit.waitAppCompletion": "false",
        "spark.yarn.tags": ",".join(filter(None, tags)),
    }
    return SparkSubmit(
        program=uri(own_file(RUNNER)) if is_cluster else str(RUNNER),
        arguments=(ended_record(ship.folder, how.tag), *program.words),
        master="yarn",
        deploy_mode=how.mode,
        name=program.name,
        conf=_with_logs(conf, how.mode),
        files=(uri(own_file(LOG_SETTINGS)),),
        py_files=(uri(package.code),),
        archives=(f"{uri(package.python)}#{PYTHON}", f"{uri(package.project)}#{PROJECT}"),
        jars=tuple(uri(jar) for jar in package.jars),
        environment=_of_client(settings, how.mode, [uri(file) for file in package.pyspark]),
    )


def _variables(settings: Settings, how: How) -> dict[str, str]:
    """What driver and executors find in their environment, as settings of Spark."""
    # The pure client of HDFS on the nodes is the one who submits, as Spark's own is.
    everywhere = {"PYSPARK_PYTHON": f"./{PYTHON}/bin/python", "HADOOP_USER_NAME": hadoop_user()}
    driver = {**forwarded_variables(settings), **everywhere, "AURIFY_ENV": settings.env}
    if how.mode == "cluster":
        driver |= {"AURIFY_PROJECT": f"./{PROJECT}", SUBMISSION: how.tag}
    return {
        **{f"spark.yarn.appMasterEnv.{name}": _as_exported(value) for name, value in driver.items()},
        **{f"spark.executorEnv.{name}": value for name, value in everywhere.items()},
    }


def _as_exported(value: str) -> str:
    """A value as it must stand between the quotes of a shell's `export`, which YARN does not see to."""
    return re.sub(r'([\\"$`])', r"\\\1", value)


def own_file(path: Path) -> Artifact:
    """A file of the engine that is shipped by itself."""
    return Artifact.of(path.parent, path.name, "the engine")


def _with_logs(conf: Mapping[str, str], mode: str) -> dict[str, str]:
    """The settings with Spark's own log in a file of its own where YARN starts a JVM; of a driver here errors alone."""
    led = with_log_settings(conf, LOG_SETTINGS.name, EXECUTOR_JAVA_OPTIONS)
    return with_log_settings(led, LOG_SETTINGS.name, JAVA_OPTIONS) if mode == "cluster" else with_quiet_driver(led)


def _of_client(settings: Settings, mode: str, pyspark: Sequence[str]) -> dict[str, str]:
    """What the submitting process needs around it."""
    around = {"PYSPARK_ARCHIVES_PATH": ",".join(pyspark)}
    if mode == "client":
        around |= {"PYSPARK_PYTHON": f"./{PYTHON}/bin/python", "PYSPARK_DRIVER_PYTHON": sys.executable}
        around |= {"AURIFY_PROJECT": str(settings.root), "AURIFY_ENV": settings.env}
    return around
