"""What a submission to Kubernetes says: the image by its hash, names and labels of pods, settings."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from aurify.config.references import holds_secret
from aurify.config.settings import Settings
from aurify.deploy.image.image import HOME, INTERPRETER, JARS, PROJECT
from aurify.deploy.k8s.cluster import NAME, OURS, SUBMISSION
from aurify.deploy.local_submission import EXECUTOR_JAVA_OPTIONS, with_log_settings, with_quiet_driver
from aurify.deploy.package import Package
from aurify.deploy.program import Program
from aurify.deploy.spark_submit import SparkSubmit
from aurify.deploy.submission import REDACTED, How, ended_record, events_folder, forwarded_variables
from aurify.publish.lease import SUBMISSION as SUBMISSION_VARIABLE
from aurify.session.jars import PACKAGES
from aurify.session.spark import JAVA_OPTIONS

DRIVER, EXECUTOR = "spark.kubernetes.driver", "spark.kubernetes.executor"
SECRET = f"{DRIVER}.secretKeyRef."
ACCOUNT = "spark.kubernetes.authenticate.driver.serviceAccountName"
RUNNER = f"local://{HOME}/runner.py"
RUNNER_HERE = Path(__file__).parents[1] / "runner.py"
# Beside a heap Kubernetes needs room for the Python workers: its own default for programs that are no JVM's.
PYTHON_SHARE = 0.4
LOG_SETTINGS = f"file://{HOME}/log4j2.properties"
# Spark takes 47 letters for the names of executors: this, and a tag, or what a CronJob adds for its pods.
_LONGEST_NAME = 32


def plain_name(program: Program) -> str:
    """What people call a program, in the letters that Kubernetes takes."""
    plain = re.sub(r"[^a-z0-9]+", "-", program.name.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    return plain or OURS


def kubernetes_submission(
    settings: Settings, how: How, image: str, package: Package, program: Program, folder: str
) -> SparkSubmit:
    """The submission of a program; `image` is what pods run, named by its hash."""
    is_cluster = how.mode == "cluster"
    name = f"{plain_name(program)}-{how.tag.rpartition('-')[2]}"
    conf = {
        **shared_conf(settings, how, image, folder),
        "spark.kubernetes.submission.waitAppCompletion": "false",
        f"{EXECUTOR}.podNamePrefix": name,
    }
    led = with_log_settings(conf, LOG_SETTINGS, EXECUTOR_JAVA_OPTIONS)
    if is_cluster:
        led = with_log_settings({**led, **_of_driver(settings, how, program, name)}, LOG_SETTINGS, JAVA_OPTIONS)
    return SparkSubmit(
        program=RUNNER if is_cluster else str(RUNNER_HERE),
        arguments=(ended_record(folder, how.tag), *program.words),
        master=settings.spark.master,
        deploy_mode=how.mode,
        name=program.name,
        conf=led if is_cluster else with_quiet_driver(led),
        jars=jars_of_image(package) if is_cluster else tuple(str(jar.path) for jar in package.jars),
        environment={} if is_cluster else _of_client(settings),
    )


def shared_conf(settings: Settings, how: How, image: str, folder: str) -> dict[str, str]:
    """The settings of Spark that hold however the driver comes to its pod."""
    given = {**settings.spark.submitted, **how.conf}
    given.pop(PACKAGES, None)  # they are in the image
    return {
        "spark.kubernetes.container.image": image,
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events_folder(folder),
        "spark.redaction.regex": REDACTED,
        f"{EXECUTOR}.label.{OURS}": "true",
        **given,
    }


def jars_of_image(package: Package) -> tuple[str, ...]:
    """Where the jars of a package lie in its image."""
    return tuple(f"local://{JARS}/{jar.path.name}" for jar in package.jars)


def variables_of(settings: Settings, conf: Mapping[str, str]) -> dict[str, str]:
    """What a driver finds in its environment as values; secrets come by reference, or not at all."""
    referred = secrets_by_reference(conf)
    found = {
        name: value
        for name, value in forwarded_variables(settings).items()
        if name not in referred and not holds_secret(name, value)
    }
    return {**found, "AURIFY_PROJECT": PROJECT, "AURIFY_ENV": settings.env}


def secrets_by_reference(conf: Mapping[str, str]) -> dict[str, str]:
    """The variables of a driver that a secret of the cluster holds: its name and key, as `name:key`."""
    return {key.removeprefix(SECRET): value for key, value in conf.items() if key.startswith(SECRET)}


def _of_driver(settings: Settings, how: How, program: Program, name: str) -> dict[str, str]:
    conf = {**settings.spark.conf, **how.conf}
    variables = {**variables_of(settings, conf), SUBMISSION_VARIABLE: how.tag}
    return {
        "spark.pyspark.python": INTERPRETER,
        f"{DRIVER}.pod.name": f"{name}-driver",
        f"{DRIVER}.label.{OURS}": "true",
        f"{DRIVER}.label.{SUBMISSION}": how.tag,
        f"{DRIVER}.annotation.{NAME}": program.name,
        **{f"{DRIVER}Env.{key}": value for key, value in variables.items()},
    }


def _of_client(settings: Settings) -> dict[str, str]:
    around = {"PYSPARK_PYTHON": INTERPRETER, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return {**around, "AURIFY_PROJECT": str(settings.root), "AURIFY_ENV": settings.env}
