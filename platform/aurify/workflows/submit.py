"""`submit`: the work of a command, or of a program in jobs/, as an application of the environment's cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import yaml

from aurify.deploy import Package, Step
from aurify.deploy.following import Applications, Patience, Watch, follow
from aurify.deploy.launch import hand_over, run_here
from aurify.deploy.local_submission import local_submission
from aurify.deploy.preflight.finding import refuse
from aurify.deploy.program import Program
from aurify.deploy.submission import TAG, How, ended_record, events_folder
from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.session.spark import is_one_machine
from aurify.workflows.backend import OnKubernetes, OnYarn, backend_of, files_folder
from aurify.workflows.doctor import examine
from aurify.workflows.lake import Lake
from aurify.workflows.package import jars_of, package
from aurify.workflows.sizing import sized

ACCEPTED_S = 30.0


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
    manifest: bool = False
    schedule: str | None = None


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
    if is_local and (asked.manifest or asked.schedule):
        hint = "leave --manifest and --schedule out, or name an environment of Kubernetes: --env k8s"
        raise ConfigurationError.of("submit", "a manifest for one machine", "a Kubernetes", hint)
    if is_local:
        line = local_submission(lake.settings, program, asked.conf, jars_of(lake))
        code = 0 if asked.only_print else run_here(line, lake.settings.submit.end_within_s)
        return Submitted(line.shown(), exit_code=code)
    return _on_cluster(lake, program, asked, How(mode, asked.conf, f"{TAG}-{uuid4().hex[:12]}"), tell)


def _on_cluster(lake: Lake, program: Program, asked: Asked, how: How, tell: Callable[[str], None]) -> Submitted:
    """The same, for the machines of a cluster."""

    def told(step: Step) -> None:
        tell(f"{step.name}: {'built' if step.built else 'kept'}")

    backend, folder, clock = backend_of(lake, told, how.conf), files_folder(lake), _Clock()
    if not asked.only_print:
        refuse(examine(lake, asked.words, how.mode, how.conf), lake.settings.env)
        clock.lap("preflight")
    if asked.size:
        how = replace(how, conf={**_size(lake, asked.words, how, tell), **how.conf})
    made = package(lake, None, told)
    if asked.only_print:
        return Submitted(backend.line(made, how, program).shown())
    lake.storage.write(f"{events_folder(folder)}/.folder", b"")  # Spark makes none
    if asked.manifest or asked.schedule:
        return _manifest(backend, made, how, program, asked.schedule)
    line = backend.line(made, how, program)
    clock.lap("package")
    sent = backend.ship(made)
    clock.lap("ship")
    tell(f"shipped {sum(sent.values()):,} bytes")
    if how.mode == "client":
        code = run_here(line, lake.settings.submit.end_within_s, _watch(lake, backend.applications(), how.tag).look)
        if code and lake.storage.read(ended_record(folder, how.tag)) is None:
            code = 3  # spark-submit's own failure, or of the environment: the program wrote down no other end
        return Submitted(line.shown(), sent=sent, exit_code=code, seconds=clock.seconds)
    hand_over(line)
    cluster = backend.applications()
    id = _accepted(cluster, how.tag)
    clock.lap("submit")
    tell(f"{id} is submitted: aurify apps status {id}")
    begun = Submitted(line.shown(), id, sent, seconds=clock.seconds)
    return begun if asked.detach else _followed(lake, cluster, begun, clock, tell)


def _manifest(
    backend: OnYarn | OnKubernetes, made: Package, how: How, program: Program, schedule: str | None
) -> Submitted:
    """What is applied by others, with its image in the registry."""
    if isinstance(backend, OnYarn):
        hint = "schedule the line of --print with what YARN's users have, or name an environment of Kubernetes"
        raise ConfigurationError.of("submit", "a manifest for YARN", "a Kubernetes", hint)
    text = yaml.safe_dump(backend.manifest(made, how, program, schedule), sort_keys=False, width=1_000)
    return Submitted(text, sent=backend.ship(made))


def _watch(lake: Lake, cluster: Applications, tag: str) -> Watch:
    """Looks at the application of a driver that runs here."""
    limits = lake.settings.submit
    patience = Patience(limits.start_within_s, limits.end_within_s)
    return Watch(cluster, lambda: next((app.id for app in cluster.applications(tag)), None), patience)


def _followed(
    lake: Lake, cluster: Applications, begun: Submitted, clock: _Clock, tell: Callable[[str], None]
) -> Submitted:
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
    sizing = sized(lake, words, {**lake.settings.spark.submitted, **how.conf}, how.mode)
    for reason in sizing.reasons:
        tell(f"size: {reason}")
    return sizing.conf


def _accepted(cluster: Applications, tag: str) -> str:
    """The application that carries a tag; its submission was said to be accepted."""
    until = time.monotonic() + ACCEPTED_S
    while time.monotonic() < until:
        found = cluster.applications(tag)
        if found:
            return found[0].id
        time.sleep(0.5)
    found_text = f"no application with the tag {tag} within {ACCEPTED_S:.0f} s"
    raise EnvironmentFailure.of("the cluster", found_text, "the application that spark-submit said it submitted")


def _gathered(cluster: Applications, id: str, tell: Callable[[str], None]) -> str:
    """The driver's log, for which it waits as long as the cluster may take to gather it; how it ended is known then."""
    until = time.monotonic() + cluster.gathering_s
    try:
        while not (found := cluster.driver_log(id)) and time.monotonic() < until:
            time.sleep(2)
    except EnvironmentFailure as error:
        tell(str(error))
        return ""
    return found


class _Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = now - self._last
        self._last = now
