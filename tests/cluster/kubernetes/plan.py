"""Where a cluster listens and writes: all of it follows from its folder and its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.ports import LOOPBACK
from tests.cluster.processes import DATA, LOGS

API_PORT = 6443


@dataclass(frozen=True)
class Plan:
    """A cluster of one node, which has a network of its own."""

    state: Path
    number: int
    loopback_port: int
    programs: Path

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Plan:
        """The plan that was handed to another process."""
        state, number, port, programs = words
        return cls(Path(state), int(number), int(port), Path(programs))

    @property
    def words(self) -> tuple[str, str, str, str]:
        """The plan, to be handed to another process."""
        return str(self.state), str(self.number), str(self.loopback_port), str(self.programs)

    @property
    def node(self) -> str:
        """The name of the node, of its cable and of its control groups."""
        return f"aurify-kube-{self.number}"

    @property
    def host_address(self) -> str:
        """The address of this machine that the node and its pods see."""
        return f"10.250.{self.number}.1"

    @property
    def node_address(self) -> str:
        """The address of the node."""
        return f"10.250.{self.number}.2"

    @property
    def pods(self) -> str:
        """The addresses of pods."""
        return f"10.244.{self.number}.0/24"

    @property
    def services(self) -> str:
        """The addresses of services."""
        return f"10.96.{self.number}.0/24"

    @property
    def api_service(self) -> str:
        """The address at which pods find the API server: the first of all services."""
        return f"10.96.{self.number}.1"

    @property
    def registry(self) -> str:
        """Host and port of the registry of images."""
        return f"{self.host_address}:5000"

    @property
    def api(self) -> str:
        """The API server, as this machine sees it."""
        return f"https://{LOOPBACK}:{self.loopback_port}"

    @property
    def api_in_node(self) -> str:
        """The API server, as the node sees it."""
        return f"https://{self.node_address}:{API_PORT}"

    @property
    def data(self) -> Path:
        """The folder of the cluster's objects, images and containers."""
        return self.state / DATA

    @property
    def logs(self) -> Path:
        """The folder of the daemons' logs."""
        return self.state / LOGS

    @property
    def conf(self) -> Path:
        """The folder of configuration, keys and certificates."""
        return self.state / "conf"
