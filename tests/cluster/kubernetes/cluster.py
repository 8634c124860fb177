"""A real Kubernetes of one node: its own programs, in namespaces of this machine that end without a trace."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.accounts import make_accounts
from tests.cluster.kubernetes.certificates import AUTHORITY, write_certificates
from tests.cluster.kubernetes.cgroups import make_groups
from tests.cluster.kubernetes.configuration import POD_IMAGE, write_configuration
from tests.cluster.kubernetes.images import push_program
from tests.cluster.kubernetes.kubeconfig import write_kubeconfigs
from tests.cluster.kubernetes.kubectl import Kubectl, kubectl_env
from tests.cluster.kubernetes.launch import registry_storage, start_node, start_registry, start_relay
from tests.cluster.kubernetes.network import claim_number, lay_cable
from tests.cluster.kubernetes.operator_definitions import apply_definitions
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.kubernetes.programs import built_programs, install_packages
from tests.cluster.kubernetes.readiness import missing
from tests.cluster.kubernetes.watch import end_cluster
from tests.cluster.ports import claim_ports
from tests.cluster.processes import dead, log_file, watch
from tests.cluster.server import Server

PATIENCE_S = 180


class Kubernetes(Server):
    """One cluster: etcd, Kubernetes' own six programs, containerd and CoreDNS in a node; a registry beside it."""

    def __init__(self, home: Path) -> None:
        self.state = home.resolve()
        self.node_pid = 0
        self.submitter_kubeconfig = Path()
        self._claims = ExitStack()
        self._plan: Plan | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def plan(self) -> Plan:
        """Where it listens and writes."""
        assert self._plan is not None
        return self._plan

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state / "kubeconfig"

    @property
    def authority(self) -> Path:
        """The certificate that its API server is trusted by."""
        return self.plan.conf / f"{AUTHORITY}.crt"

    @property
    def api(self) -> str:
        """The URL of its API server."""
        return self.plan.api

    @property
    def host_address(self) -> str:
        """The address of this machine at which pods reach servers that are bound to it."""
        return self.plan.host_address

    @property
    def registry(self) -> str:
        """Host and port of its registry of images, which is asked by plain HTTP."""
        return self.plan.registry

    @property
    def registry_storage(self) -> Path:
        """The folder of all images of the registry."""
        return registry_storage(self.plan)

    @property
    def pod_image(self) -> str:
        """An image that waits to be ended, or prints what `get URL` and `resolve NAME` lead to."""
        return f"{self.registry}/{POD_IMAGE}"

    @property
    def env(self) -> dict[str, str]:
        """What a process that asks it needs in its environment, as its administrator."""
        return {**kubectl_env(self.kubeconfig), "KUBERNETES_API": self.api}

    @property
    def kubectl(self) -> Kubectl:
        """kubectl, as its administrator."""
        return Kubectl(self.plan.programs / "kubectl", self.kubeconfig)

    @property
    def submitter_kubectl(self) -> Kubectl:
        """kubectl, as somebody who may only submit."""
        return Kubectl(self.plan.programs / "kubectl", self.submitter_kubeconfig)

    def install_operator_definitions(self) -> None:
        """Have it know SparkApplications."""
        apply_definitions(self.kubectl)

    def stop(self) -> None:
        """End all of it, and keep only its configuration and its logs."""
        if self._plan is not None:
            end_cluster(self._plan)
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        if self._watch is not None:
            self._watch.communicate()
            self._watch = None
        self._claims.close()

    def _start(self) -> None:
        install_packages()
        self._plan, kept = self._claimed(built_programs())
        for folder in (self.plan.logs, self.plan.conf, self.plan.data):
            folder.mkdir(parents=True)
        write_certificates(self.plan)
        write_kubeconfigs(self.plan)
        write_configuration(self.plan)
        self._watch = watch("tests.cluster.kubernetes.watch", *self.plan.words, keeps=kept)
        make_groups(self.plan.node)
        self._processes["node-holder"], self.node_pid = start_node(self.plan)
        lay_cable(self.plan, self.node_pid)
        self._processes["relay"] = start_relay(self.plan)
        self._processes["registry"] = start_registry(self.plan)
        self._wait_until_ready()
        push_program(self.registry, POD_IMAGE, self.plan.programs / "pod")
        self.submitter_kubeconfig = make_accounts(self.plan, self.kubectl)

    def _claimed(self, programs: Path) -> tuple[Plan, tuple[int, int]]:
        """The plan of a cluster whose port and addresses no other has, and the open files that keep others away."""
        ports = claim_ports(["api"])
        self._claims.enter_context(ports.claim)
        number = claim_number()
        self._claims.enter_context(number.claim)
        plan = Plan(self.state, number.number, ports.by_name["api"], programs)
        return plan, (ports.claim.fileno(), number.claim.fileno())

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while found := missing(self.plan, self.kubectl):
            for name, process in self._processes.items():
                ended = process.poll()
                if ended is not None:
                    raise dead(name, ended, log_file(self.plan.state, name))
            if time.monotonic() > until:
                hint = f"the logs of its daemons are in {self.plan.logs}"
                raise EnvironmentFailure.of("Kubernetes", f"{found} after {PATIENCE_S} s", "a node that is Ready", hint)
            time.sleep(0.2)
