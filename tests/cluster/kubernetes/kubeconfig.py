"""Kubeconfigs: where the API server is, whom to trust, and who asks."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import yaml

from tests.cluster.kubernetes.certificates import ADMIN, AUTHORITY, CLIENTS
from tests.cluster.kubernetes.plan import Plan


def write_kubeconfigs(plan: Plan) -> None:
    """Write the administrator's, and one for each program in the node."""
    for name in CLIENTS:
        user = {"client-certificate-data": _file(plan, f"{name}.crt"), "client-key-data": _file(plan, f"{name}.key")}
        _write(inner_kubeconfig(plan, name), plan, plan.api_in_node, user)
        if name == ADMIN:
            _write(plan.state / "kubeconfig", plan, plan.api, user)


def inner_kubeconfig(plan: Plan, name: str) -> Path:
    """The kubeconfig of a program in the node."""
    return plan.conf / f"{name}.kubeconfig"


def write_token_kubeconfig(plan: Plan, path: Path, token: str, namespace: str) -> None:
    """Write the kubeconfig of somebody who has a token and works in one namespace."""
    _write(path, plan, plan.api, {"token": token}, namespace)


def _write(path: Path, plan: Plan, server: str, user: dict[str, str], namespace: str = "default") -> None:
    cluster = {"server": server, "certificate-authority-data": _file(plan, f"{AUTHORITY}.crt")}
    name = plan.node
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def _file(plan: Plan, name: str) -> str:
    return b64encode((plan.conf / name).read_bytes()).decode()
