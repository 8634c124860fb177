"""`doctor`: whether the environment could run work now, found out in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from aurify.deploy.k8s.api import Api, is_kubernetes, namespace_of
from aurify.deploy.k8s.cluster import Kubernetes
from aurify.deploy.preflight import here, k8s_checks, storage_checks, tracking, yarn_checks
from aurify.deploy.preflight.finding import Finding, looked_at
from aurify.deploy.program import TRAINING, WITH_MODELS, command_of
from aurify.deploy.yarn import Yarn
from aurify.session.spark import is_one_machine
from aurify.storage import is_local
from aurify.workflows.lake import Lake
from aurify.workflows.package import jars_of
from aurify.workflows.sizing import sized


def examine(
    lake: Lake, words: Sequence[str] = (), mode: str | None = None, conf: Mapping[str, str] | None = None
) -> list[Finding]:
    """Look at this machine, the cluster, the storage, and MLflow; `words` are what is to be run, if that is known.

    What is wrong is among the findings, all of it; nothing is raised.
    """
    settings = lake.settings
    asked = {**settings.spark.submitted, **(conf or {})}
    work = command_of(words)
    found = looked_at("versions", here.versions)
    found += looked_at("jars", lambda: here.jars(jars_of(lake)))
    if not is_one_machine(settings.spark.master):
        found += looked_at("places", partial(storage_checks.places, settings))
        found += here.allocation(asked, work in TRAINING)
    if settings.spark.master == "yarn":
        found += _of_yarn(asked, mode or settings.submit.mode)
        found += storage_checks.shipped_files(settings.submit.files or settings.warehouse)
    if is_kubernetes(settings.spark.master):
        found += _of_kubernetes(lake, asked, mode or settings.submit.mode)
    if not is_local(settings.warehouse) or is_one_machine(settings.spark.master):
        found += looked_at("commits", partial(storage_checks.commits, lake.storage, settings.warehouse))
    if not is_local(settings.sources):
        found += looked_at("sources", partial(storage_checks.sources, lake.storage, settings.sources))
    if not is_one_machine(settings.spark.master) and (work in WITH_MODELS or (not work and lake.models)):
        look = partial(tracking.server, settings.mlflow.tracking, settings.env, is_needed=bool(work))
        found += looked_at("MLflow", look)
    return list(dict.fromkeys(found))  # one bucket may be two places


def proposal(lake: Lake, words: Sequence[str], mode: str | None = None) -> list[Finding]:
    """What executors are proposed for the input that waits, with each reason; `submit --size` takes them."""
    settings = lake.settings
    if is_one_machine(settings.spark.master) or is_local(settings.warehouse):
        return []

    def look() -> list[Finding]:
        made = sized(lake, words, settings.spark.submitted, mode or settings.submit.mode)
        told = f"{made.executors} executors of {made.cores} cores and {made.memory_mb} MB proposed"
        return [Finding("size", f"{told}; {'; '.join(made.reasons)}")]

    return looked_at("size", look)


def _of_yarn(conf: Mapping[str, str], mode: str) -> list[Finding]:
    yarns: list[Yarn] = []

    def connect() -> list[Finding]:
        yarns.append(Yarn())
        return yarn_checks.resource_manager(yarns[0])

    found = looked_at("YARN", connect)
    if yarns and not any(finding.grade == "bad" and finding.what == "YARN" for finding in found):
        found += looked_at("queue", partial(yarn_checks.queue, yarns[0], conf))
        found += looked_at("memory", partial(yarn_checks.memory, yarns[0], conf, mode))
    return found


def _of_kubernetes(lake: Lake, conf: Mapping[str, str], mode: str) -> list[Finding]:
    apis: list[Api] = []
    settings, name = lake.settings, namespace_of(conf)

    def connect() -> list[Finding]:
        apis.append(Api(settings.spark.master))
        return k8s_checks.answers(apis[0])

    found = looked_at("Kubernetes", connect)
    if apis and not any(finding.grade == "bad" for finding in found):
        api = apis[0]
        there = looked_at("namespace", partial(k8s_checks.namespace, api, name, conf))
        found += there
        if not any(finding.grade == "bad" for finding in there):
            found += looked_at("rights", partial(k8s_checks.rights, api, name, conf, mode))
            found += looked_at("quota", partial(k8s_checks.room, api, name, conf, mode))
        found += looked_at("memory", partial(k8s_checks.memory, Kubernetes(api, name), conf, mode))
    found += looked_at("secrets", partial(k8s_checks.secrets, settings, conf))
    of_image = settings.package.image
    look = partial(k8s_checks.image, of_image.repository, settings.env, is_plain_http=of_image.plain_http)
    return found + looked_at("registry", look)
