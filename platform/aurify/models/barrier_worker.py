"""What one Spark task does of a fit: reads its rows, meets the other workers, trains with them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aurify.models.barrier_line import Line, answered, called, held_port, listening, own_address
from aurify.models.barrier_rows import Plan, Rows, read
from aurify.models.barrier_training import trained_model

if TYPE_CHECKING:
    import socket

    import pyarrow as pa

RESULT = (
    "rank int, rows bigint, validation_rows bigint, loading double, training double, troubles string, "
    "is_over boolean, rounds int, best_iteration int, history string, model string"
)


@dataclass(frozen=True)
class _Peer:
    """What a worker tells the others before they train."""

    trouble: str
    version: str
    rows: int
    address: str = ""
    port: int = 0
    line: int = 0
    token: str = ""


def trained(batches: Iterator[pa.RecordBatch], plan: Plan) -> Iterator[pa.RecordBatch]:
    """One row of `RESULT`: what this worker did; the first worker's has the model."""
    started = time.monotonic()
    trouble, version = _lightgbm()
    rows, validation = (Rows(), Rows()) if trouble else read(batches, plan)
    sizes = {"rows": len(rows), "validation_rows": len(validation), "loading": time.monotonic() - started}
    with _met(plan, _Peer(trouble, version, len(rows))) as (rank, peers, network, line):
        troubles = _troubles(peers)
        begun = time.monotonic()
        done = {} if troubles else trained_model(rows, validation, plan, network, line)
        told = {"rank": rank, **sizes, "training": time.monotonic() - begun, "troubles": "\n".join(troubles)}
    yield _row({**told, **done})


def _lightgbm() -> tuple[str, str]:
    """What is in the way of LightGBM here, if anything, and its version."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: its library doesn't load, mostly for want of libgomp
        return f"{type(error).__name__}: {error}", ""
    return "", str(lightgbm.__version__)


@contextmanager
def _met(plan: Plan, own: _Peer) -> Iterator[tuple[int, list[_Peer], dict[str, Any], Line | None]]:
    """Rank, all workers, LightGBM's parameters of the network, and the line; one worker alone needs neither."""
    if plan.workers == 1:
        yield 0, [own], {}, None
        return
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    rank = context.partitionId()
    address = own_address([_host(task.address) for task in context.getTaskInfos()])
    held, door = held_port(), listening()
    ports = {"port": held.getsockname()[1], "line": door.getsockname()[1]}
    told = {**asdict(own), **ports, "address": address, "token": secrets.token_hex(16)}
    peers = [_Peer(**json.loads(text)) for text in context.allGather(json.dumps(told))]
    line = _joined(rank, peers, door, plan)
    door.close()
    network = {
        "machines": ",".join(f"{peer.address}:{peer.port}" for peer in peers),
        "num_machines": plan.workers,
        "local_listen_port": peers[rank].port,
        "tree_learner": "data",
        "pre_partition": True,
    }
    held.close()  # LightGBM takes it next
    try:
        yield rank, peers, network, line
    finally:
        line.close()


def _joined(rank: int, peers: list[_Peer], door: socket.socket, plan: Plan) -> Line:
    first = peers[0]
    if rank == 0:
        return answered(door, len(peers) - 1, first.token, plan.silence)
    return called((first.address, first.line), first.token, plan.silence)


def _host(address: str) -> str:
    """The host of a task's address.

    >>> _host("node7.example.org:41233")
    'node7.example.org'
    """
    return address.rsplit(":", 1)[0].strip("[]")


def _troubles(peers: list[_Peer]) -> list[str]:
    """Why all workers stay away from training; the same text at every one."""
    found = [f"worker {rank}: {peer.trouble}" for rank, peer in enumerate(peers) if peer.trouble]
    versions = sorted({peer.version for peer in peers if peer.version})
    if len(versions) > 1:
        found.append(f"versions of lightgbm differ: {', '.join(versions)}")
    found += [f"worker {rank}: no rows" for rank, peer in enumerate(peers) if not peer.trouble and not peer.rows]
    return found


def _row(values: dict[str, Any]) -> pa.RecordBatch:
    import pyarrow as pa

    kinds = {"int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}
    fields = [part.split(" ") for part in RESULT.split(", ")]
    arrays = [pa.array([values.get(name)], kinds.get(kind, pa.string())) for name, kind in fields]
    return pa.RecordBatch.from_arrays(arrays, [name for name, _ in fields])
