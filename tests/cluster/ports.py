"""Free ports for the servers of one test run, so that two may run on a machine at once."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aurify.errors import EnvironmentFailure

LOOPBACK = "127.0.0.1"
# Below those that the system hands out: a daemon that was killed finds its port free again.
FIRST, LAST = 19_000, 31_000


@dataclass(frozen=True)
class ClaimedPorts:
    """The ports of servers by what listens there; other runs leave them alone until `claim` is closed."""

    claim: socket.socket
    by_name: Mapping[str, int]


def claim_ports(names: Sequence[str]) -> ClaimedPorts:
    """A port for each name, out of the first row of them of which none is in use."""
    for first in range(FIRST, LAST, len(names) + 1):
        claim = _listening(first)
        if claim is None:
            continue
        ports = dict(zip(names, range(first + 1, LAST), strict=False))
        if all(map(_is_free, ports.values())):
            return ClaimedPorts(claim, ports)
        claim.close()
    raise EnvironmentFailure.of(
        "ports",
        f"no {len(names) + 1} free ports in a row between {FIRST} and {LAST}",
        "ports for the servers of tests",
        "end the servers that listen there: `ss -ltnp` lists them",
    )


def _listening(port: int) -> socket.socket | None:
    """A socket that keeps the port from others, as long as it is open and its process lives."""
    held = socket.socket()
    try:
        held.bind((LOOPBACK, port))
        held.listen()
    except OSError:
        held.close()
        return None
    return held


def _is_free(port: int) -> bool:
    """Whether nothing listens there on any address of the machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
