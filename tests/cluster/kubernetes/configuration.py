"""The files that the programs in the node are configured by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.kubernetes.certificates import AUTHORITY, KUBELET, PROXY, SCHEDULER
from tests.cluster.kubernetes.kubeconfig import inner_kubeconfig
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.kubernetes.programs import CNI

CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
DNS_READY_PORT = 8181
PROXY_READY_PORT = 10256
POD_IMAGE = "aurify/pod:1"

CRI = 'plugins."io.containerd.grpc.v1.cri"'
# runc may not lower the score of a process for the killer of those without memory where the machine may not.
CONTAINERD = """\
version = 2
root = "{data}/containerd"
state = "/run/containerd"
[grpc]
address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "{data}/containerd/opt"
[{cri}]
sandbox_image = "{pod_image}"
disable_apparmor = true
restrict_oom_score_adj = true
[{cri}.cni]
bin_dir = "{cni}"
conf_dir = "{conf}/cni"
[{cri}.registry]
config_path = "{conf}/registries"
[{cri}.containerd]
snapshotter = "overlayfs"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
"""

REGISTRY_HOSTS = """\
server = "http://{registry}"
[host."http://{registry}"]
capabilities = ["pull", "resolve"]
"""

# What is not of the cluster is in no zone but the last, which knows no name.
COREFILE = """\
cluster.local in-addr.arpa {{
  bind {address}
  errors
  ready {address}:{ready}
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
    ttl 1
  }}
}}
. {{
  bind {address}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""


def write_configuration(plan: Plan) -> None:
    """Write the files of containerd, of pods' network and names, and of Kubernetes' own programs."""
    registries = plan.conf / "registries" / plan.registry
    for folder in (registries, plan.conf / "cni"):
        folder.mkdir(parents=True)
    (plan.conf / "containerd.toml").write_text(_containerd(plan))
    (registries / "hosts.toml").write_text(REGISTRY_HOSTS.format(registry=plan.registry))
    (plan.conf / "cni" / "pods.conflist").write_text(json.dumps(_cni(plan)))
    (plan.conf / "Corefile").write_text(_corefile(plan))
    for name, content in {KUBELET: _kubelet(plan), PROXY: _proxy(plan), SCHEDULER: _scheduler(plan)}.items():
        component_file(plan, name).write_text(yaml.safe_dump(content))


def component_file(plan: Plan, name: str) -> Path:
    """The configuration of one of Kubernetes' own programs."""
    return plan.conf / f"{name}.yml"


def _containerd(plan: Plan) -> str:
    return CONTAINERD.format(
        data=plan.data,
        conf=plan.conf,
        socket=CONTAINERD_SOCKET,
        cni=CNI,
        cri=CRI,
        pod_image=f"{plan.registry}/{POD_IMAGE}",
    )


def _cni(plan: Plan) -> Mapping[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": "/run/addresses",
        "ranges": [[{"subnet": plan.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def _corefile(plan: Plan) -> str:
    kubeconfig = inner_kubeconfig(plan, "admin")
    return COREFILE.format(address=plan.node_address, ready=DNS_READY_PORT, kubeconfig=kubeconfig)


def _kubelet(plan: Plan) -> Mapping[str, Any]:
    authority = {"clientCAFile": str(plan.conf / f"{AUTHORITY}.crt")}
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False}, "x509": authority},
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": str(plan.conf / f"{KUBELET}.crt"),
        "tlsPrivateKeyFile": str(plan.conf / f"{KUBELET}.key"),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{plan.node}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [plan.node_address],
        "resolvConf": "",
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        # The disk is the machine's: neither pods nor images go because others have filled it.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "5s",
    }


def _proxy(plan: Plan) -> Mapping[str, Any]:
    # In a network of its own these limits of the kernel can't be written.
    untouched = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(inner_kubeconfig(plan, PROXY))},
        "clusterCIDR": plan.pods,
        "hostnameOverride": plan.node,
        "healthzBindAddress": f"{plan.node_address}:{PROXY_READY_PORT}",
        "conntrack": untouched,
    }


def _scheduler(plan: Plan) -> Mapping[str, Any]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(inner_kubeconfig(plan, SCHEDULER))},
    }
