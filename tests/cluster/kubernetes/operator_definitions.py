"""The kinds of objects that the Spark operator defines, of the operator's own module."""

from __future__ import annotations

from tests.cluster.go import find_go
from tests.cluster.kubernetes.kubectl import Kubectl

MODULE = "github.com/kubeflow/spark-operator/v2@v2.4.0"
KINDS = ("sparkapplications", "scheduledsparkapplications")
GROUP = "sparkoperator.k8s.io"


def apply_definitions(kubectl: Kubectl) -> None:
    """Have the API server know SparkApplications; nothing runs them, as the operator itself is not there."""
    folder = find_go().module(MODULE) / "config/crd/bases"
    for kind in KINDS:  # too large for the note that an apply by the client leaves
        kubectl("apply", "--server-side", "-f", str(folder / f"{GROUP}_{kind}.yaml"))
    for kind in KINDS:
        kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{kind}.{GROUP}")
