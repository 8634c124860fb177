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
from aurify.deploy.yarn import TAG, Yarn
from aurify.deploy.yarn_logs import driver_log
from aurify.deploy.yarn_submission import How, ended_record, events_folder, shipped, yarn_submission
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
            "log": self.log,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def submit(lake: Lake, asked: Asked, tell: Callable[[str], None]) -> Submitted:
    """Build what is stale, ship what is not there, submit, and follow to the end.

    What is wrong with the settings is told before anything is shipped.
    """
    program = Program(tuple(asked.words), asked.name or f"aurify {' '.join(asked.words)}")
    program.refuse_missing(lake.definition.root)
    is_local = is_one_machine(lake.settings.spark.master)
    mode = "client" if is_local else asked.mode or lake.settings.submit.mode
    if asked.detach and mode == "client":
        hint = "leave --detach out, or submit to a cluster in cluster mode"
        raise ConfigurationError.of("submit", "--detach with a driver that runs here", "a driver on a cluster", hint)
    if is_local:
        line = local_submission(lake.settings, program, asked.conf, jars_of(lake))
        return Submitted(line.shown(), exit_code=0 if asked.only_print else run_here(line))
    return _on_yarn(lake, program, asked, How(mode, asked.conf, f"{TAG}-{uuid4().hex[:12]}"), tell)


def _on_yarn(lake: Lake, program: Program, asked: Asked, how: How, tell: Callable[[str], None]) -> Submitted:
    """The same, for YARN."""
    refuse_other_clusters(lake)
    clock = _Clock()
    if not asked.only_print:
        refuse(examine(lake, asked.words, how.mode, how.conf), lake.settings.env)
        clock.lap("preflight")
    if asked.size:
        how = replace(how, conf={**_size(lake, asked.words, how, tell), **how.conf})
    made = package(lake, None, lambda step: tell(f"{step.name}: {'built' if step.built else 'kept'}"))
    clock.lap("package")
    ship = Shipment(lake.storage, files_folder(lake))
    line = yarn_submission(lake.settings, how, made, program, ship)
    if asked.only_print:
        return Submitted(line.shown())
    ship.send(shipped(made))
    lake.storage.write(f"{events_folder(ship.folder)}/.folder", b"")  # Spark makes none
    clock.lap("ship")
    tell(f"shipped {sum(ship.sent.values()):,} bytes to {ship.folder}")
    if how.mode == "client":
        code = run_here(line)
        if code and lake.storage.read(ended_record(ship.folder, how.tag)) is None:
            code = 3  # spark-submit's own failure, or of the environment: the program wrote down no other end
        return Submitted(line.shown(), sent=ship.sent, exit_code=code, seconds=clock.seconds)
    hand_over(line)
    cluster = cluster_of(lake)
    id = _accepted(cluster, how.tag)
    clock.lap("submit")
    tell(f"{id} is submitted: aurify apps status {id}")
    begun = Submitted(line.shown(), id, ship.sent, seconds=clock.seconds)
    return begun if asked.detach else _followed(lake, cluster, begun, clock, tell)


def _followed(lake: Lake, cluster: Yarn, begun: Submitted, clock: _Clock, tell: Callable[[str], None]) -> Submitted:
    """The same application at its end, with what its driver wrote."""
    id, limits = begun.application, lake.settings.submit
    try:
        outcome = follow(cluster, id, Patience(limits.start_within_s, limits.end_within_s), tell)
    except KeyboardInterrupt:
        tell(f"{id} goes on: aurify apps status {id}, or aurify apps kill {id}")
        raise
    clock.lap("run")
    return replace(begun, exit_code=outcome.exit_code, said=outcome.said, log=_gathered(cluster, id, tell))


def _size(lake: Lake, words: Sequence[str], how: How, tell: Callable[[str], None]) -> Mapping[str, str]:
    """The settings of the executors that the waiting input asks for; each reason is told."""
    sizing = sized(lake, cluster_of(lake), words, {**lake.settings.spark.submitted, **how.conf}, how.mode)
    for reason in sizing.reasons:
        tell(f"size: {reason}")
    return sizing.conf


def cluster_of(lake: Lake) -> Yarn:
    """The cluster of the environment; ConfigurationError where it has none."""
    refuse_other_clusters(lake)
    folder, storage = files_folder(lake), lake.storage

    def recorded(tag: str) -> int | None:
        found = storage.read(ended_record(folder, tag))
        return None if found is None else int(found)

    return Yarn(recorded)


def refuse_other_clusters(lake: Lake) -> None:
    """Stop where the environment is of no cluster that is spoken to."""
    master = lake.settings.spark.master
    if master != "yarn":
        hint = "name an environment with a cluster: --env yarn"
        raise ConfigurationError.of(f"environment '{lake.settings.env}'", f"spark.master {master}", "yarn", hint)


def files_folder(lake: Lake) -> str:
    """Where the files of a submission lie: of submit.files, else below the warehouse."""
    settings = lake.settings
    folder = settings.submit.files or f"{settings.warehouse}/_submitted"
    if is_local(folder):
        key, found = "submit.files" if settings.submit.files else "warehouse", f"{folder}, a path of this machine"
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


def _gathered(cluster: Yarn, id: str, tell: Callable[[str], None]) -> str:
    """The driver's log: nodes gather it after the end, where the cluster lets them."""
    if cluster.setting("yarn.log-aggregation-enable") == "false":
        tell("its log stays on the nodes: yarn.log-aggregation-enable is false on this cluster")
        return ""
    until, found = time.monotonic() + GATHERED_S, dict[str, str]()
    while not found and time.monotonic() < until:
        found = cluster.logs(id)
        if not found:
            time.sleep(2)
    return driver_log(found)


class _Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = now - self._last
        self._last = now
