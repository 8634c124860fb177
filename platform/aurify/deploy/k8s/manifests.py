"""Manifests for who applies them: a SparkApplication of the Spark operator, a CronJob that needs no operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurify.config.references import holds_secret
from aurify.config.settings import Settings
from aurify.deploy.image.image import HOME, INTERPRETER
from aurify.deploy.k8s.api import namespace_of
from aurify.deploy.k8s.cluster import NAME, OURS, ROLE
from aurify.deploy.k8s.submission import (
    ACCOUNT,
    DRIVER,
    EXECUTOR,
    LOG_SETTINGS,
    PYTHON_SHARE,
    RUNNER,
    SECRET,
    jars_of_image,
    plain_name,
    secrets_by_reference,
    shared_conf,
    variables_of,
)
from aurify.deploy.local_submission import EXECUTOR_JAVA_OPTIONS, with_log_settings
from aurify.deploy.memory import driver_container
from aurify.deploy.package import Package
from aurify.deploy.program import Program
from aurify.deploy.submission import How, ended_record
from aurify.errors import ConfigurationError
from aurify.session.spark import JAVA_OPTIONS

SPARK_OPERATOR = "sparkoperator.k8s.io/v1beta2"
_VARIABLE, _LABEL, _ANNOTATION = f"{DRIVER}Env.", f"{DRIVER}.label.", f"{DRIVER}.annotation."
IN_CLUSTER = "k8s://https://kubernetes.default.svc"


def spark_application(
    settings: Settings, how: How, image: str, package: Package, program: Program, folder: str
) -> dict[str, Any]:
    """A SparkApplication that runs the program once, as often as it is applied anew."""
    conf = _conf(settings, how, image, folder)
    account = conf.get(ACCOUNT, "default")
    return {
        "apiVersion": SPARK_OPERATOR,
        "kind": "SparkApplication",
        "metadata": {"name": plain_name(program), "namespace": namespace_of(conf), "labels": {OURS: "true"}},
        "spec": {
            "type": "Python",
            "pythonVersion": "3",
            "mode": "cluster",
            "sparkVersion": package.spark_version,
            "image": image,
            "mainApplicationFile": RUNNER,
            "arguments": [ended_record(folder, "$(SPARK_APPLICATION_ID)"), *program.words],
            "deps": {"jars": list(jars_of_image(package))},
            "sparkConf": {**conf, "spark.pyspark.python": INTERPRETER},
            "restartPolicy": {"type": "Never"},
            "driver": {"serviceAccount": account, "env": _env(settings, how), **_marks(how, settings, program)},
            "executor": {"instances": int(conf.get("spark.executor.instances", "2")), "labels": {OURS: "true"}},
        },
    }


def cron_job(
    settings: Settings, how: How, image: str, package: Package, program: Program, folder: str, schedule: str
) -> dict[str, Any]:
    """A CronJob whose pods are the drivers: each run is one pod, one run at a time."""
    name = plain_name(program)
    conf = {
        **_conf(settings, how, image, folder),
        "spark.master": IN_CLUSTER,
        f"{DRIVER}.pod.name": "$(POD_NAME)",
        f"{EXECUTOR}.podNamePrefix": "$(POD_NAME)",
        "spark.driver.host": "$(POD_IP)",
        "spark.jars": ",".join(jars_of_image(package)),
        "spark.app.name": program.name,
    }
    words = [word for key in sorted(conf) for word in ("--conf", f"{key}={conf[key]}")]
    asked = driver_container(conf, "cluster", PYTHON_SHARE)
    container = {
        "name": "spark-kubernetes-driver",
        "image": image,
        "args": ["driver", *words, f"{HOME}/runner.py", ended_record(folder, "$(POD_NAME)"), *program.words],
        "env": [
            *_env(settings, how),
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "SPARK_DRIVER_BIND_ADDRESS", "value": "$(POD_IP)"},
            {"name": "PYSPARK_PYTHON", "value": INTERPRETER},
        ],
        "resources": {
            "requests": {"cpu": _cores(conf), "memory": f"{asked.total_mb}Mi"},
            "limits": {"memory": f"{asked.total_mb}Mi"},
        },
    }
    marks = _marks(how, settings, program)
    pod = {
        "metadata": {**marks, "labels": {**marks["labels"], ROLE: "driver"}},
        "spec": {
            "serviceAccountName": conf.get(ACCOUNT, "default"),
            "restartPolicy": "Never",
            "containers": [container],
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace_of(conf), "labels": {OURS: "true"}},
        "spec": {
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": pod}},
        },
    }


def _conf(settings: Settings, how: How, image: str, folder: str) -> dict[str, str]:
    """The settings of Spark, but for what a manifest says in its own words; ConfigurationError for a secret in them."""
    conf = with_log_settings(
        shared_conf(settings, how, image, folder), LOG_SETTINGS, JAVA_OPTIONS, EXECUTOR_JAVA_OPTIONS
    )
    secret = sorted(key for key, value in conf.items() if holds_secret(key, value))
    if secret:
        hint = f"a secret of the cluster as a variable: {SECRET}NAME: secret:key"
        raise ConfigurationError.of("spark.conf", ", ".join(secret), "no secret in a manifest", hint)
    said_otherwise = (SECRET, _VARIABLE, _LABEL, _ANNOTATION)
    return {key: value for key, value in conf.items() if not key.startswith(said_otherwise)}


def _marks(how: How, settings: Settings, program: Program) -> dict[str, dict[str, str]]:
    """Labels and annotations of a driver's pod."""
    given = {**settings.spark.conf, **how.conf}
    return {
        "labels": {OURS: "true", **_below(given, _LABEL)},
        "annotations": {NAME: program.name, **_below(given, _ANNOTATION)},
    }


def _below(conf: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in conf.items() if key.startswith(prefix)}


def _env(settings: Settings, how: How) -> list[dict[str, Any]]:
    """The driver's variables: values, and references to secrets of the cluster."""
    given = {**settings.spark.conf, **how.conf}
    variables = {**variables_of(settings, given), **_below(given, _VARIABLE)}
    values = [{"name": name, "value": value} for name, value in variables.items()]
    secrets = []
    for name, reference in sorted(secrets_by_reference(given).items()):
        secret, _, key = reference.partition(":")
        secrets.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return [*values, *secrets]


def _cores(conf: Mapping[str, str]) -> str:
    return conf.get("spark.kubernetes.driver.request.cores", conf.get("spark.driver.cores", "1"))
