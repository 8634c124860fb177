"""The sockets of one fit: the port that LightGBM will take, and the line on which the first worker leads the others."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

# Below the ports that systems hand to outgoing connections: what is free here stays free.
PORTS = range(20_000, 32_000)
TRIES = 500
SECONDS_TO_MEET = 120.0
_WORD = struct.Struct("!i")


def held_port() -> socket.socket:
    """A socket that keeps a free port from others until it is closed."""
    for port in random.SystemRandom().sample(PORTS, TRIES):
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.bind(("", port))
        except OSError:
            held.close()
            continue
        return held
    raise OSError(f"no free port among {TRIES} tried from {PORTS.start} to {PORTS.stop - 1}")


def own_address(hosts: Sequence[str]) -> str:
    """The IPv4 address at which `hosts` reach this machine; LightGBM takes no names.

    >>> own_address(["127.0.0.1"])
    '127.0.0.1'
    """
    found = {_toward(host) for host in hosts}
    outside = sorted(address for address in found if not address.startswith("127."))
    return outside[0] if outside else "127.0.0.1"


def _toward(host: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        return str(probe.getsockname()[0])


@dataclass
class Line:
    """Between the first worker and all others: a number that the first one tells, and the others hear."""

    leads: bool
    ends: list[socket.socket]

    def shared(self, word: int) -> int:
        """The first worker's word."""
        if not self.leads:
            return int(_WORD.unpack(_received(self.ends[0], _WORD.size))[0])
        for end in self.ends:
            end.sendall(_WORD.pack(word))
        return word

    def close(self) -> None:
        for end in self.ends:
            end.close()


def listening() -> socket.socket:
    """The first worker's end, before the others have called."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.bind(("", 0))
    door.listen(1024)
    return door


def answered(door: socket.socket, others: int, token: str, silence: float) -> Line:
    """The line to all others. Who doesn't know the token is hung up on; nobody is silent for more seconds."""
    ends: list[socket.socket] = []
    door.settimeout(SECONDS_TO_MEET)
    while len(ends) < others:
        end, _ = door.accept()
        _ready(end, SECONDS_TO_MEET)
        try:
            is_ours = _received(end, len(token)) == token.encode()
        except OSError:
            is_ours = False
        if is_ours:
            _ready(end, silence)
            ends.append(end)
        else:
            end.close()
    return Line(True, ends)


def called(address: tuple[str, int], token: str, silence: float) -> Line:
    """The line to the first worker."""
    end = socket.create_connection(address, SECONDS_TO_MEET)
    end.sendall(token.encode())
    _ready(end, silence)
    return Line(False, [end])


def _ready(end: socket.socket, silence: float) -> None:
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.settimeout(silence)


def _received(end: socket.socket, size: int) -> bytes:
    """All of so many bytes."""
    got = b""
    while len(got) < size:
        part = end.recv(size - len(got))
        if not part:
            raise ConnectionError("the other worker has gone")
        got += part
    return got
