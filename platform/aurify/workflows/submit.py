"""`submit`: the work of a command, or of a program in jobs/, as an application of the environment's cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from aurify.deploy.following import Patience, follow
from aurify.deploy.launch import hand_over, run_here
from aurify.deploy.local_submission import local_submission
from aurify.deploy.preflight.finding import refuse
from aurify.deploy.program import Program
from aurify.deploy.shipping import Shipment
from aurify.deploy.yarn import Yarn
from aurify.deploy.yarn_logs import driver_log
from aurify.deploy.yarn_submission import ended_record, events_folder, shipped, yarn_submission
from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.session.spark import is_one_machine
from aurify.storage import is_local
from aurify.workflows.doctor import examine
from aurify.workflows.lake import Lake
from aurify.workflows.package import jars_of, package
from aurify.workflows.sizing import sized

ACCEPTED_S = 30.0
GATHERED_S = 40.0


@dataclass(frozen=True)
class Asked:
    """What is submitted, and how; the environment's settings where nothing is said."""

    words: Sequence[str]
    mode: str | None = None
    name: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    size: bool = False
    only_print: bool = False
    detach: bool = False


@dataclass(frozen=True)
class Submitted:
    """What became of a submission; `exit_code` is the program's own, 0 where nobody waited for it."""

    command: str
    application: str = ""
    sent: Mapping[str, int] = field(default_factory=dict)
    exit_code: int = 0
    said: str = ""
    log: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> Mapping[str, Any]:
        """For `--json`."""
        return {
            "application": self.application,
            "command": self.command,
            "sent_bytes": dict(self.sent),
            "exit_code": self.exit_code,
            "said": self.said,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def submit(lake: Lake, asked: Asked, tell: Callable[[str], None]) -> Submitted:
    """Build what is stale, ship what is not there, submit, and follow to the end.

    What is wrong with the settings is told before anything is shipped.
    """
    program = Program(tuple(asked.words), asked.name or f"aurify {' '.join(asked.words)}")
    program.refuse_missing(lake.definition.root)
    if is_one_machine(lake.settings.spark.master):
        line = local_submission(lake.settings, program, asked.conf, jars_of(lake))
        return Submitted(line.shown(), exit_code=0 if asked.only_print else run_here(line))
    cluster, clock = cluster_of(lake), _Clock()
    mode, tag = asked.mode or lake.settings.submit.mode, f"aurify-{uuid4().hex[:12]}"
    if asked.size:
        sizing = sized(lake, cluster, asked.words, {**lake.settings.spark.submitted, **asked.conf}, mode)
        for reason in sizing.reasons:
            tell(f"size: {reason}")
        asked = replace(asked, conf={**sizing.conf, **asked.conf})
    if not asked.only_print:
        refuse(examine(lake, asked.words, mode, asked.conf), lake.settings.env)
        clock.lap("preflight")
    made = package(lake, None, lambda step: tell(f"{step.name}: {'built' if step.built else 'kept'}"))
    clock.lap("package")
    ship = Shipment(lake.storage, files_folder(lake))
    line = yarn_submission(lake.settings, mode, made, program, ship, tag).with_conf(asked.conf)
    if asked.only_print:
        return Submitted(line.shown())
    ship.send(shipped(made))
    lake.storage.write(f"{events_folder(ship.folder)}/.folder", b"")  # Spark makes none
    clock.lap("ship")
    tell(f"shipped {sum(ship.sent.values()):,} bytes to {ship.folder}")
    if mode == "client":
        code = run_here(line)
        return Submitted(line.shown(), sent=ship.sent, exit_code=code, seconds=clock.seconds)
    hand_over(line)
    id = _accepted(cluster, tag)
    clock.lap("submit")
    tell(f"{id} is submitted: aurify apps status {id}")
    if asked.detach:
        return Submitted(line.shown(), id, ship.sent, seconds=clock.seconds)
    limits = lake.settings.submit
    outcome = follow(cluster, id, Patience(limits.start_within_s, limits.end_within_s), tell)
    clock.lap("run")
    log = _gathered(cluster, id)
    return Submitted(line.shown(), id, ship.sent, outcome.exit_code, outcome.said, log, clock.seconds)


def cluster_of(lake: Lake) -> Yarn:
    """The cluster of the environment; ConfigurationError where it has none."""
    master = lake.settings.spark.master
    if master != "yarn":
        hint = "name an environment with a cluster: --env yarn"
        raise ConfigurationError.of(f"environment '{lake.settings.env}'", f"spark.master {master}", "yarn", hint)
    folder, storage = files_folder(lake), lake.storage

    def recorded(tag: str) -> int | None:
        found = storage.read(ended_record(folder, tag))
        return None if found is None else int(found)

    return Yarn(recorded)


def files_folder(lake: Lake) -> str:
    """Where the files of a submission lie: of submit.files, else below the warehouse."""
    settings = lake.settings
    folder = settings.submit.files or f"{settings.warehouse}/_submitted"
    problems = [("submit.files" if settings.submit.files else "warehouse", folder)] if is_local(folder) else []
    for key, place in problems:
        found = f"{place}, a path of this machine"
        hint = f"name one in conf/{settings.env}/settings.yml"
        raise ConfigurationError.of(f"settings: {key}", found, "a URI that all machines of the cluster read", hint)
    return folder


def _accepted(cluster: Yarn, tag: str) -> str:
    """The application that carries a tag; its submission was said to be accepted."""
    until = time.monotonic() + ACCEPTED_S
    while time.monotonic() < until:
        found = cluster.applications(tag)
        if found:
            return found[0].id
        time.sleep(0.5)
    found_text = f"no application with the tag {tag} within {ACCEPTED_S:.0f} s"
    raise EnvironmentFailure.of("YARN", found_text, "the application that spark-submit said it submitted")


def _gathered(cluster: Yarn, id: str) -> str:
    """The driver's log: nodes gather it after the end."""
    until = time.monotonic() + GATHERED_S
    while not (log := driver_log(cluster.logs(id))) and time.monotonic() < until:
        time.sleep(2)
    return log


class _Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = now - self._last
        self._last = now
