"""How much of a cluster answers."""

from __future__ import annotations

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.configuration import DNS_READY_PORT, PROXY_READY_PORT
from tests.cluster.kubernetes.kubectl import Kubectl
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.rest import get_text

READY = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"


def missing(plan: Plan, kubectl: Kubectl) -> str:
    """What does not answer yet, empty when a pod can be started."""
    try:
        if kubectl("get", "node", plan.node, "-o", READY) != "True":
            return "the node is not Ready"
        kubectl("get", "--raw", f"/api/v1/nodes/{plan.node}/proxy/healthz")
        kubectl("-n", "default", "get", "serviceaccount", "default")
        get_text(f"http://{plan.node_address}:{DNS_READY_PORT}/ready")
        get_text(f"http://{plan.node_address}:{PROXY_READY_PORT}/healthz")
    except (EnvironmentFailure, OSError) as error:
        return str(error)
    return ""
