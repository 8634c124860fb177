"""The programs that run in the node, and what each is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.cluster.kubernetes.certificates import API_SERVER, AUTHORITY, CONTROLLERS, KUBELET, PROXY, SCHEDULER
from tests.cluster.kubernetes.configuration import component_file
from tests.cluster.kubernetes.kubeconfig import inner_kubeconfig
from tests.cluster.kubernetes.plan import API_PORT, Plan

ETCD = "http://127.0.0.1:2379"


@dataclass(frozen=True)
class Daemon:
    """A program that runs as long as the node does."""

    name: str
    command: tuple[str, ...]


def first_daemons(plan: Plan) -> tuple[Daemon, ...]:
    """Those that the others give up without."""
    containerd = ("containerd", "--config", str(plan.conf / "containerd.toml"))
    return _etcd(plan), _api_server(plan), Daemon("containerd", containerd)


def other_daemons(plan: Plan) -> tuple[Daemon, ...]:
    """Those that ask the API server."""
    return (
        _kube(plan, SCHEDULER, {"config": component_file(plan, SCHEDULER)}),
        _controllers(plan),
        _kube(plan, PROXY, {"config": component_file(plan, PROXY)}),
        _kubelet(plan),
        Daemon("coredns", (str(plan.programs / "coredns"), "-conf", str(plan.conf / "Corefile"))),
    )


def _etcd(plan: Plan) -> Daemon:
    client = ("--listen-client-urls", ETCD, "--advertise-client-urls", ETCD)
    others = ("--data-dir", str(plan.data / "etcd"), "--log-level", "warn")
    return Daemon("etcd", ("etcd", *client, "--listen-peer-urls", "http://127.0.0.1:2380", *others))


def _api_server(plan: Plan) -> Daemon:
    certificate, key = plan.conf / f"{API_SERVER}.crt", plan.conf / f"{API_SERVER}.key"
    authority = plan.conf / f"{AUTHORITY}.crt"
    options = {
        "etcd-servers": ETCD,
        "bind-address": "0.0.0.0",
        "secure-port": API_PORT,
        "advertise-address": plan.node_address,
        "service-cluster-ip-range": plan.services,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "tls-cert-file": certificate,
        "tls-private-key-file": key,
        "client-ca-file": authority,
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": certificate,
        "service-account-signing-key-file": key,
        "kubelet-client-certificate": certificate,
        "kubelet-client-key": key,
        "kubelet-certificate-authority": authority,
        "kubelet-preferred-address-types": "InternalIP",
    }
    return _kube(plan, API_SERVER, options)


def _controllers(plan: Plan) -> Daemon:
    options = {
        "kubeconfig": inner_kubeconfig(plan, CONTROLLERS),
        "leader-elect": "false",
        "use-service-account-credentials": "true",  # the roles are those of the single controllers
        "service-account-private-key-file": plan.conf / f"{API_SERVER}.key",
        "root-ca-file": plan.conf / f"{AUTHORITY}.crt",
    }
    return _kube(plan, CONTROLLERS, options)


def _kubelet(plan: Plan) -> Daemon:
    options = {
        "config": component_file(plan, KUBELET),
        "kubeconfig": inner_kubeconfig(plan, KUBELET),
        "hostname-override": plan.node,
        "node-ip": plan.node_address,
    }
    return _kube(plan, KUBELET, options)


def _kube(plan: Plan, name: str, options: Mapping[str, object]) -> Daemon:
    return Daemon(name, (str(plan.programs / name), *(f"--{option}={value}" for option, value in options.items())))
