"""Kubernetes before a submission: it answers, we and the driver may do what is needed, and what is asked has room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aurify.config.references import holds_secret
from aurify.config.settings import Settings
from aurify.deploy.image.registry import Registry
from aurify.deploy.k8s.api import CORE, NAMESPACE, Api, Refused
from aurify.deploy.k8s.cluster import Kubernetes, quantity
from aurify.deploy.k8s.submission import ACCOUNT, PYTHON_SHARE, SECRET, secrets_by_reference
from aurify.deploy.memory import Container, driver_container, executor_container
from aurify.deploy.preflight.clock import clock
from aurify.deploy.preflight.finding import Finding, bad
from aurify.deploy.submission import forwarded_variables

REVIEWS = "/apis/authorization.k8s.io/v1"
SUBMITTERS = (
    "create pods", "get pods", "list pods", "watch pods", "delete pods", "get pods/log",
    "create services", "create configmaps",
)  # fmt: skip
DRIVERS = ("create pods", "get pods", "list pods", "watch pods", "delete pods", "create configmaps")
ROLES = "kubectl apply -f conf/k8s/rbac.yml makes the roles; bind yours"


def answers(api: Api) -> list[Finding]:
    """The API, its version, its clock, and whether credentials and master are of one cluster."""
    found = [Finding("Kubernetes", f"{api.ask('/version')['gitVersion']} at {api.address}")]
    if api.context_address and api.context_address.rstrip("/") != api.address.rstrip("/"):
        told = f"spark.master is {api.address}, the context of KUBECONFIG is of {api.context_address}"
        found.append(Finding("KUBECONFIG", told, "warning", "one cluster", "kubectl config use-context"))
    return [*found, clock(api.clock_skew(), "Kubernetes")]


def namespace(api: Api, name: str, conf: Mapping[str, str]) -> list[Finding]:
    """The namespace and the driver's service account exist; what we may not look at is told."""
    if _is_missing(api, f"{CORE}/namespaces/{name}"):
        hint = f"{NAMESPACE} in spark.conf, or kubectl create namespace {name}"
        return [bad("namespace", f"no namespace '{name}'", "one that exists", hint, is_setting=True)]
    account = conf.get(ACCOUNT, "default")
    if _is_missing(api, f"{CORE}/namespaces/{name}/serviceaccounts/{account}"):
        hint = f"{ACCOUNT} in spark.conf; {ROLES}"
        return [bad("service account", f"no '{account}' in {name}", "one that exists", hint, is_setting=True)]
    return [Finding("namespace", f"{name}, driver as {account}")]


def rights(api: Api, name: str, conf: Mapping[str, str], mode: str) -> list[Finding]:
    """What we, and the driver's service account, may do in the namespace."""

    def ours(attributes: Mapping[str, str]) -> bool:
        body = _review("SelfSubjectAccessReview", {"resourceAttributes": attributes})
        return bool(api.create(f"{REVIEWS}/selfsubjectaccessreviews", body)["status"]["allowed"])

    user = f"system:serviceaccount:{name}:{conf.get(ACCOUNT, 'default')}"

    def drivers(attributes: Mapping[str, str]) -> bool:
        body = _review("LocalSubjectAccessReview", {"user": user, "resourceAttributes": attributes}, name)
        place = f"{REVIEWS}/namespaces/{name}/localsubjectaccessreviews"
        return bool(api.create(place, body)["status"]["allowed"])

    found = [_may("rights", "we", ours, SUBMITTERS, name)]
    if mode == "cluster":
        try:
            found.append(_may("rights of the driver", user, drivers, DRIVERS, name))
        except Refused:
            found.append(Finding("rights of the driver", f"{user}, not looked at: we may not ask for others"))
    return found


def room(api: Api, name: str, conf: Mapping[str, str], mode: str) -> list[Finding]:
    """Driver and one executor fit the quotas of the namespace."""
    asked = _asked(conf, mode)
    if isinstance(asked, Finding):
        return [asked]
    needs = {
        "pods": float(len(asked)),
        "memory": sum(container.total_mb for container in asked) * 1024.0**2,
        "cpu": sum(_cores(container, conf) for container in asked),
    }
    try:
        quotas = api.ask(f"{CORE}/namespaces/{name}/resourcequotas")["items"]
    except Refused as error:
        return [Finding("quota", f"not looked at: {error.said}")]
    found = [finding for quota in quotas for finding in _short(quota, needs)]
    return found or [Finding("quota", f"room for {'driver and ' if mode == 'cluster' else ''}an executor")]


def memory(cluster: Kubernetes, conf: Mapping[str, str], mode: str) -> list[Finding]:
    """What is asked of one machine fits the largest there is."""
    asked = _asked(conf, mode)
    if isinstance(asked, Finding):
        return [asked]
    try:
        nodes = cluster.nodes()
    except Refused:
        told = "; ".join(f"{container.who} {container.told()}" for container in asked)
        return [Finding("memory", f"{told}; not compared with the nodes, which we may not look at")]
    largest = max((node.memory_mb for node in nodes), default=0)
    return [_fits(container, largest) for container in asked]


def image(repository: str | None, env: str, *, is_plain_http: bool) -> list[Finding]:
    """The repository that the image is pushed to is named, and its registry answers."""
    key = "settings: package.image.repository"
    if repository is None:
        hint = f"name it in conf/{env}/settings.yml, like registry.example/team/aurify"
        return [bad(key, "none", "a repository that you push to and nodes pull from", hint, is_setting=True)]
    return [Finding("registry", f"{Registry(repository, is_plain_http=is_plain_http).answers()} answers")]


def secrets(settings: Settings, conf: Mapping[str, str]) -> list[Finding]:
    """Every variable that the settings refer to and that holds a secret comes by reference to one of the cluster."""
    referred = secrets_by_reference(conf)
    found = [
        name
        for name, value in forwarded_variables(settings).items()
        if holds_secret(name, value) and name not in referred
    ]
    hint = "kubectl create secret generic NAME --from-literal=KEY=..., and in spark.conf {}{}: NAME:KEY"
    return [
        bad(
            f"variable {name}",
            "a secret by value",
            "a secret of the cluster",
            hint.format(SECRET, name),
            is_setting=True,
        )
        for name in found
    ]


def _is_missing(api: Api, path: str) -> bool:
    try:
        api.ask(path)
    except LookupError:
        return True
    except Refused:
        return False
    return False


def _review(kind: str, spec: Mapping[str, Any], namespace: str | None = None) -> dict[str, Any]:
    about = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": about, "spec": spec}


def _may(what: str, who: str, is_allowed: Callable[[Mapping[str, str]], bool], deeds: Iterable[str],
         name: str) -> Finding:  # fmt: skip
    missing = []
    for deed in deeds:
        verb, _, rest = deed.partition(" ")
        resource, _, part = rest.partition("/")
        attributes = {"namespace": name, "verb": verb, "resource": resource, "subresource": part}
        if not is_allowed(attributes):
            missing.append(deed)
    if missing:
        return bad(what, f"{who} may not {', '.join(missing)} in {name}", "all of these", ROLES)
    return Finding(what, f"{who} may do all that is needed in {name}")


def _asked(conf: Mapping[str, str], mode: str) -> list[Container] | Finding:
    try:
        driver = [driver_container(conf, mode, PYTHON_SHARE)] if mode == "cluster" else []
        return [*driver, executor_container(conf, PYTHON_SHARE)]
    except ValueError as error:
        return bad("memory", f"{error} in a setting of memory", "a size, like 2g or 1500m", is_setting=True)


def _cores(container: Container, conf: Mapping[str, str]) -> float:
    own = conf.get(f"spark.{container.who}.cores", "1")
    return quantity(conf.get(f"spark.kubernetes.{container.who}.request.cores", own))


def _short(quota: Mapping[str, Any], needs: Mapping[str, float]) -> list[Finding]:
    """What a quota has too little of."""
    found, status = [], quota.get("status", {})
    for key, most in status.get("hard", {}).items():
        need = needs.get(key.removeprefix("requests.").removeprefix("limits."))
        if need is None:
            continue
        used = status.get("used", {}).get(key, "0")
        if quantity(used) + need > quantity(most):
            what = f"quota {quota['metadata']['name']}"
            told = f"{used} of {most} {key} in use, {_told(key, need)} more asked for by driver and one executor"
            hint = "end an application (aurify apps list), ask for less, or for a larger quota"
            found.append(bad(what, told, "room for both", hint))
    return found


def _told(key: str, need: float) -> str:
    return f"{need / 1024**2:.0f}Mi" if key.endswith("memory") else f"{need:g}"


def _fits(asked: Container, largest_mb: int) -> Finding:
    what = f"memory of the {asked.who}"
    if asked.total_mb <= largest_mb:
        return Finding(what, f"{asked.told()}, the largest node gives {largest_mb} MB")
    room = max(largest_mb - (asked.total_mb - asked.heap_mb), 0)
    hint = f"{asked.key} of {room}m at most, less if its overhead is a share of it"
    return bad(what, asked.told(), f"{largest_mb} MB at most: the largest node", hint, is_setting=True)
