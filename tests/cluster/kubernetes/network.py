"""The number that a cluster takes its addresses from, and the cable between this machine and the node."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.node import CABLE_END
from tests.cluster.kubernetes.plan import Plan

NUMBERS = range(256)


@dataclass(frozen=True)
class ClaimedNumber:
    """The number of a cluster; others leave it alone until every process has closed `claim`."""

    claim: socket.socket
    number: int


def claim_number() -> ClaimedNumber:
    """The first number that no cluster has, and no network of this machine."""
    for number in NUMBERS:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0aurify-kube-{number}")
        except OSError:
            claim.close()
            continue
        if not _has_address(f"10.250.{number}.1"):
            return ClaimedNumber(claim, number)
        claim.close()
    found = f"all of 10.250.0.1 to 10.250.{NUMBERS[-1]}.1 are taken"
    raise EnvironmentFailure.of("network of the cluster", found, "an address", "`ip address` lists them")


def _has_address(address: str) -> bool:
    """Whether this machine has the address."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def lay_cable(plan: Plan, node_pid: int) -> None:
    """Connect this machine with the node, and tell it the way to pods."""
    _ip(f"link add {plan.node} type veth peer name {CABLE_END} netns {node_pid}")
    _ip(f"addr add {plan.host_address}/30 dev {plan.node}")
    _ip(f"link set {plan.node} up")
    _ip(f"route add {plan.pods} via {plan.node_address}")


def cut_cable(plan: Plan) -> None:
    """Take the cable away, with its addresses and routes; the system does so too, but later."""
    subprocess.run(["ip", "link", "del", plan.node], capture_output=True, check=False)


def _ip(words: str) -> None:
    ran = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise EnvironmentFailure.of(f"ip {words}", ran.stderr.strip(), "a link to the node", "only root may do so")
