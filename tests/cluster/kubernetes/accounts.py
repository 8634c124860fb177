"""The namespace of Spark's applications: what its driver may do there, and who submits."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.kubernetes.kubeconfig import write_token_kubeconfig
from tests.cluster.kubernetes.kubectl import Kubectl
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.processes import REPOSITORY

NAMESPACE = "spark"
SUBMITTER = "submitter"
TOKEN_LASTS = "24h"


def make_accounts(plan: Plan, kubectl: Kubectl) -> Path:
    """Apply the project's own roles, and write the kubeconfig of somebody who has no more rights than to submit."""
    kubectl("apply", "-f", str(REPOSITORY / "conf/k8s/rbac.yml"))
    token = kubectl("-n", NAMESPACE, "create", "token", SUBMITTER, "--duration", TOKEN_LASTS)
    path = plan.state / "submitter.kubeconfig"
    write_token_kubeconfig(plan, path, token.strip(), NAMESPACE)
    return path
