"""What the roles of `conf/k8s/rbac.yml` let the driver and the submitter do."""

from __future__ import annotations

import json

import pytest

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.cluster import Kubernetes

MAY = (
    *(("submitter", verb, "pods") for verb in ("create", "get", "list", "watch", "delete")),
    *(("submitter", verb, "configmaps") for verb in ("create", "patch", "get", "list")),
    *(("submitter", "get", resource) for resource in ("pods/log", "events", "resourcequotas")),
    *(("spark", "deletecollection", resource) for resource in ("pods", "services", "persistentvolumeclaims")),
)
MAY_NOT = (
    *(("submitter", "get", resource) for resource in ("secrets", "serviceaccounts", "persistentvolumeclaims")),
    *(("submitter", verb, "configmaps") for verb in ("delete", "update")),
    *(("submitter", "create", resource) for resource in ("pods/exec", "serviceaccounts/token", "roles")),
    *(("spark", "get", resource) for resource in ("secrets", "pods/log")),
    *(("spark", "create", resource) for resource in ("pods/exec", "serviceaccounts/token", "roles")),
)


def allowed(kubernetes: Kubernetes, account: str, verb: str, resource: str) -> bool:
    """Whether an account of the namespace may do something there."""
    name, _, part = resource.partition("/")
    group = "rbac.authorization.k8s.io" if name == "roles" else ""
    asked = {"namespace": "spark", "verb": verb, "group": group, "resource": name, "subresource": part}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:spark:{account}", "resourceAttributes": asked},
    }
    create = ("create", "-f", "-", "-o", "jsonpath={.status.allowed}")
    return kubernetes.kubectl(*create, given=json.dumps(review)) == "true"


@pytest.mark.parametrize(("account", "verb", "resource"), MAY)
def test_accounts_may_do_what_they_need(kubernetes: Kubernetes, account: str, verb: str, resource: str) -> None:
    assert allowed(kubernetes, account, verb, resource)


@pytest.mark.parametrize(("account", "verb", "resource"), MAY_NOT)
def test_accounts_may_do_no_more(kubernetes: Kubernetes, account: str, verb: str, resource: str) -> None:
    assert not allowed(kubernetes, account, verb, resource)


def test_the_submitter_sees_one_namespace_and_no_secrets(kubernetes: Kubernetes) -> None:
    assert kubernetes.submitter_kubectl("get", "pods", "-o", "name") == ""
    with pytest.raises(EnvironmentFailure, match="secrets is forbidden"):
        kubernetes.submitter_kubectl("get", "secrets")
    with pytest.raises(EnvironmentFailure, match="pods is forbidden"):
        kubernetes.submitter_kubectl("get", "pods", "-n", "default")
