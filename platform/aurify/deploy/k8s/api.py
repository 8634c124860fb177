"""Kubernetes' API as JSON, by its own client, with the credentials that spark-submit takes too."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from aurify.errors import ConfigurationError, EnvironmentFailure

PREFIX = "k8s://"
PATIENCE_S = 20.0
NAMESPACE, DEFAULT_NAMESPACE = "spark.kubernetes.namespace", "default"
CORE = "/api/v1"


def is_kubernetes(master: str) -> bool:
    """Whether a master of Spark is a Kubernetes."""
    return master.startswith(PREFIX)


def namespace_of(conf: Mapping[str, str]) -> str:
    """The namespace that pods run in."""
    return conf.get(NAMESPACE, DEFAULT_NAMESPACE)


def address_of(master: str) -> str:
    """The address of the API that a master of Spark names."""
    address = master.removeprefix(PREFIX)
    return address if "://" in address else f"https://{address}"


class Refused(Exception):
    """The API forbids a question; `said` is its reason."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Api:
    """The API of a master, asked as the current context of KUBECONFIG, or as the pod that this runs in.

    ConfigurationError where there are no credentials; EnvironmentFailure where nobody answers.
    """

    def __init__(self, master: str) -> None:
        self.address = address_of(master)
        try:
            import kubernetes.client
            import kubernetes.config
        except ImportError as error:
            hint = "pip install 'aurify[k8s]'"
            raise EnvironmentFailure.of(master, "no package kubernetes", "the client of Kubernetes", hint) from error
        self._kubernetes: Any = kubernetes
        self.context_address = ""
        self._client = kubernetes.client.ApiClient(self._configured())

    def _configured(self) -> Any:
        settings = self._kubernetes.client.Configuration()
        settings.retries = 0
        errors = self._kubernetes.config.ConfigException
        try:
            if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
                self._kubernetes.config.load_incluster_config(settings)
            else:
                self._kubernetes.config.load_kube_config(client_configuration=settings)
        except (errors, OSError, ValueError) as error:
            found = f"{os.environ.get('KUBECONFIG', '~/.kube/config')}: {error}"
            hint = "set KUBECONFIG to a file with a context of the cluster"
            raise ConfigurationError.of("KUBECONFIG", found, "credentials for Kubernetes", hint) from error
        self.context_address = str(settings.host)
        settings.host = self.address
        return settings

    def ask(self, path: str, **query: str) -> Any:
        """What stands at a path; LookupError where nothing does, Refused where we may not look."""
        return json.loads(self.send("GET", path, query)[0])

    def text(self, path: str, **query: str) -> str:
        """The same, for what is no JSON."""
        return self.send("GET", path, query)[0].decode(errors="replace")

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make an object, and give it as the API has it then."""
        return json.loads(self.send("POST", path, {}, body)[0])

    def remove(self, path: str) -> None:
        """Remove an object with all that belongs to it; nothing happens where it is gone."""
        try:
            self.send("DELETE", path, {"propagationPolicy": "Background"})
        except LookupError:
            return

    def clock_skew(self) -> float:
        """Seconds that the API's clock is from this one."""
        _, headers = self.send("GET", "/version", {})
        return abs(parsedate_to_datetime(headers["Date"]).timestamp() - time.time())

    def send(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        """The bytes of an answer, and its headers."""
        import urllib3.exceptions

        headers = {"Accept": "*/*", **({"Content-Type": "application/json"} if body is not None else {})}
        request = self._client.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, body=body,
            auth_settings=["BearerToken"],
        )  # fmt: skip
        try:
            answer: Any = self._client.call_api(*request, _request_timeout=PATIENCE_S)
            content: bytes = answer.read() or b""
        except self._kubernetes.client.ApiException as error:
            raise self._failure(int(error.status or 0), _reason(error.body, str(error.reason))) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(0, str(getattr(error, "reason", error))) from error
        if not 200 <= answer.status <= 299:
            raise self._failure(answer.status, _reason(content, str(answer.reason)))
        return content, answer.response.headers

    def _failure(self, status: int, said: str) -> Exception:
        if status == 404:
            return LookupError(said)
        if status == 403:
            return Refused(said)
        hint = "is the cluster up, and are spark.master and KUBECONFIG those of it?"
        if status == 401:
            hint = "renew the credentials of KUBECONFIG"
        where, found = f"Kubernetes at {self.address}", f"{status or ''} {said}".strip()
        return EnvironmentFailure.of(where, found, "an answer", hint)


def _reason(body: Any, otherwise: str) -> str:
    """The message of a status object."""
    try:
        return str(json.loads(body)["message"])
    except (TypeError, ValueError, KeyError):
        return otherwise
