"""The submission of an environment of one machine: the same program under plain spark-submit, nothing shipped."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from aurify.config.settings import Settings
from aurify.deploy.program import Program
from aurify.deploy.spark_submit import SparkSubmit
from aurify.session.jars import PACKAGES
from aurify.session.spark import JAVA_OPTIONS, ON_ONE_MACHINE, quiet_console

EXECUTOR_JAVA_OPTIONS = "spark.executor.extraJavaOptions"
# The command line of Aurify, as a file.
COMMANDS = Path(__file__).parents[1] / "__main__.py"


def with_quiet_driver(conf: Mapping[str, str]) -> dict[str, str]:
    """The settings with only the errors of a driver that runs here on the console."""
    return with_log_settings(conf, str(quiet_console()), JAVA_OPTIONS)


def with_log_settings(conf: Mapping[str, str], file: str, *keys: str) -> dict[str, str]:
    """The settings with a file of settings of Spark's log in these keys, behind the options of a person."""
    option = f"-Dlog4j2.configurationFile={file}"
    return {**conf, **{key: f"{conf.get(key, '')} {option}".strip() for key in keys}}


def local_submission(
    settings: Settings, program: Program, conf: Mapping[str, str], jars: tuple[Path, ...]
) -> SparkSubmit:
    """The line that runs a program here, with the jars of this machine's cache."""
    given = {key: value for key, value in {**settings.spark.submitted, **conf}.items() if key != PACKAGES}
    file = settings.root / program.words[0] if program.is_file else COMMANDS
    return SparkSubmit(
        program=str(file),
        arguments=program.words[1:] if program.is_file else program.words,
        master=settings.spark.master,
        deploy_mode="client",
        name=program.name,
        conf=with_quiet_driver({**ON_ONE_MACHINE, **given}),
        jars=tuple(map(str, jars)),
        environment={
            "AURIFY_ENV": settings.env,
            "AURIFY_PROJECT": str(settings.root),
            "PYSPARK_PYTHON": sys.executable,
        },
    )
