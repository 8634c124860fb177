"""The logs that YARN gathered of an application, by Hadoop's own reader in a JVM of Spark's client."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from aurify.errors import EnvironmentFailure
from aurify.session.java import find_java

KINDS = ("stdout", "stderr", "spark.log")
# `container_1700000000000_0001_02_000001` is the first of the second attempt: the driver's.
_CONTAINER = re.compile(r"container_(?:e\d+_)?\d+_\d+_(?P<attempt>\d+)_(?P<number>\d+)$")
_SECTION = re.compile(r"^LogType:(\S+)$")
_END = re.compile(r"^End of LogType:")
_HEAD = (
    "LogLastModifiedTime:",
    "LogLength:",
    "LogContents:",
    "Container: ",
    "LogAggregationType:",
    "======",
    "*****",
    "Using Spark's default log4j profile",
)


def gathered_logs(id: str, owner: str) -> dict[str, str]:
    """What each container wrote, by its name; nothing while it is not gathered. HADOOP_CONF_DIR names the cluster.

    EnvironmentFailure where the storage that they lie on does not answer.
    """
    from py4j.protocol import Py4JError
    from pyspark.java_gateway import launch_gateway

    logging.getLogger("py4j").setLevel(logging.ERROR)
    os.environ.setdefault("JAVA_HOME", str(find_java().home))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    gateway: Any = launch_gateway(popen_kwargs=quiet)  # type: ignore[no-untyped-call]
    try:
        yarn = gateway.jvm.org.apache.hadoop.yarn
        reader = yarn.logaggregation.LogCLIHelpers()
        reader.setConf(yarn.conf.YarnConfiguration())
        asked = yarn.logaggregation.ContainerLogsRequest()
        asked.setAppId(yarn.api.records.ApplicationId.fromString(id))
        asked.setAppOwner(owner)
        kinds = gateway.jvm.java.util.HashSet()
        for kind in KINDS:
            kinds.add(kind)
        asked.setLogTypes(kinds)
        asked.setBytes(2**63 - 1)
        with tempfile.TemporaryDirectory() as folder:
            asked.setOutputLocalDir(folder)
            reader.dumpAllContainersLogs(asked)
            files = sorted(Path(folder).rglob("container_*"), key=lambda file: file.name)
            return {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()}
    except Py4JError as error:
        said = next((line for line in str(error).splitlines() if "Exception" in line), str(error))
        hint = "do yarn.nodemanager.remote-app-log-dir and its HDFS answer? then: aurify apps logs"
        raise EnvironmentFailure.of(f"logs of {id}", said.strip(), "logs that can be read", hint) from error
    finally:
        gateway.shutdown()
        process = gateway.proc
        process.stdin.close()
        process.wait(timeout=30)


def driver_log(logs: dict[str, str]) -> str:
    """What the program itself wrote, attempt by attempt."""
    drivers = {name: text for name, text in logs.items() if (m := _CONTAINER.search(name)) and int(m["number"]) == 1}
    told = []
    for name, text in drivers.items():
        if len(drivers) > 1:
            told.append(f"--- attempt {int(_CONTAINER.search(name)['attempt'])}")  # type: ignore[index]
        told += _program_lines(text)
    return "\n".join(told)


def _program_lines(text: str) -> list[str]:
    """The lines of stderr and stdout, in that order; Spark's own are in a file beside them."""
    sections: dict[str, list[str]] = {"stderr": [], "stdout": []}
    lines: list[str] = []
    for line in text.splitlines():
        found = _SECTION.match(line)
        if found:
            lines = sections.setdefault(found[1], [])
        elif not _END.match(line) and not line.startswith(_HEAD):
            lines.append(line)
    return [line for part in ("stderr", "stdout") for line in sections[part] if line.strip()]
