"""What one Spark task does of a fit: reads its rows, meets the other workers, trains with them."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aurify.models.barrier_line import Line, answered, called, held_port, listening, own_address

if TYPE_CHECKING:
    import socket

    import numpy as np
    import pyarrow as pa
    from lightgbm import Booster, Dataset
    from lightgbm.callback import CallbackEnv

LABEL, WEIGHT, VALIDATION = "_label", "_weight", "_validation"
RESULT = (
    "rank int, rows bigint, validation_rows bigint, loading double, training double, troubles string, "
    "is_over boolean, rounds int, best_iteration int, history string, model string"
)
NAME = "validation"
PORT_TAKEN = "Binding port"
_GO_ON, _TIME_IS_OVER = 0, -1
_TRIES, _PAUSE = 20, 0.25


@dataclass(frozen=True)
class Plan:
    """What every worker is told."""

    features: tuple[str, ...]
    categorical: tuple[int, ...]
    is_narrow: bool
    parameters: dict[str, Any]
    workers: int
    rounds: int
    early_stopping_rounds: int | None
    until: float | None  # seconds since 1970

    @property
    def silence(self) -> float:
        """Seconds after which a worker that says nothing is given up."""
        return 60.0 * float(self.parameters["time_out"])


@dataclass
class _Rows:
    """Rows in pieces, one of each Arrow batch."""

    matrices: list[np.ndarray[Any, Any]] = field(default_factory=list)
    labels: list[np.ndarray[Any, Any]] = field(default_factory=list)
    weights: list[np.ndarray[Any, Any]] = field(default_factory=list)

    def add(self, piece: tuple[np.ndarray[Any, Any], ...], chosen: np.ndarray[Any, Any] | slice) -> None:
        matrix = piece[0][chosen]
        if len(matrix):
            self.matrices.append(matrix)
            self.labels.append(piece[1][chosen])
            self.weights += [weight[chosen] for weight in piece[2:]]

    def __len__(self) -> int:
        return sum(map(len, self.labels))

    def dataset(self, plan: Plan, reference: Dataset | None = None) -> Dataset:
        """The rows for LightGBM; they are given up here, so that they are held once."""
        import lightgbm
        import numpy as np

        made = lightgbm.Dataset(
            self.matrices,
            np.concatenate(self.labels),
            reference=reference,
            weight=np.concatenate(self.weights) if self.weights else None,
            feature_name=list(plan.features),
            categorical_feature=list(plan.categorical) or "auto",
        )
        self.matrices = []
        return made


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
    rows, validation = (_Rows(), _Rows()) if trouble else _read(batches, plan)
    sizes = {"rows": len(rows), "validation_rows": len(validation), "loading": time.monotonic() - started}
    with _met(plan, _Peer(trouble, version, len(rows))) as (rank, peers, network, line):
        troubles = _troubles(peers)
        begun = time.monotonic()
        done = {} if troubles else _trained(rows, validation, plan, network, line)
        told = {"rank": rank, **sizes, "training": time.monotonic() - begun, "troubles": "\n".join(troubles)}
    yield _row({**told, **done})


def _lightgbm() -> tuple[str, str]:
    """What is in the way of LightGBM here, if anything, and its version."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: its library doesn't load, mostly for want of libgomp
        return f"{type(error).__name__}: {error}", ""
    return "", str(lightgbm.__version__)


def _read(batches: Iterator[pa.RecordBatch], plan: Plan) -> tuple[_Rows, _Rows]:
    """The rows to train on, and those to validate on."""
    import numpy as np

    training, validation = _Rows(), _Rows()
    for batch in batches:
        names = [LABEL, *([WEIGHT] if WEIGHT in batch.schema.names else [])]
        piece = (_matrix(batch, plan), *(np.asarray(batch.column(name)) for name in names))
        if VALIDATION not in batch.schema.names:
            training.add(piece, slice(None))
            continue
        is_validation = batch.column(VALIDATION).to_numpy(zero_copy_only=False)
        training.add(piece, ~is_validation)
        validation.add(piece, is_validation)
    return training, validation


def _matrix(batch: pa.RecordBatch, plan: Plan) -> np.ndarray[Any, Any]:
    """The features of a batch; NULL is NaN."""
    import numpy as np

    made = np.empty((batch.num_rows, len(plan.features)), np.float32 if plan.is_narrow else np.float64)
    for place in range(len(plan.features)):
        made[:, place] = batch.column(place).to_numpy(zero_copy_only=False)
    return made


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


def _trained(rows: _Rows, validation: _Rows, plan: Plan, network: dict[str, Any], line: Line | None) -> dict[str, Any]:
    """What training gave."""
    leads = line is None or line.leads
    lead = _Lead(plan, line)
    train_set = rows.dataset(plan)
    valid_sets = [validation.dataset(plan, train_set)] if len(validation) else None
    booster = _boosted(plan, network, train_set, valid_sets, lead)
    try:
        return {
            "is_over": lead.is_over,
            "rounds": lead.rounds,
            "best_iteration": booster.best_iteration or booster.current_iteration(),
            "history": json.dumps(lead.history),
            "model": _without_ports(booster.model_to_string()) if leads and not lead.is_over else None,
        }
    finally:
        booster.free_network()


def _boosted(
    plan: Plan, network: dict[str, Any], train_set: Dataset, valid_sets: list[Dataset] | None, lead: _Lead
) -> Booster:
    """The trained booster; a port that another process took meanwhile is waited for."""
    import lightgbm

    for left in reversed(range(_TRIES)):
        try:
            return lightgbm.train(
                {**plan.parameters, **network},
                train_set,
                num_boost_round=plan.rounds,
                valid_sets=valid_sets,
                valid_names=[NAME] if valid_sets else None,
                keep_training_booster=True,
                callbacks=[lead],
            )
        except lightgbm.basic.LightGBMError as error:
            if PORT_TAKEN not in str(error) or not left:
                raise
            time.sleep(_PAUSE)
    raise AssertionError("the last try returns or raises")


class _Lead:
    """After each round: the first worker decides whether it goes on, and all do the same.

    Each of them deciding alone would leave some waiting for others that have ended.
    """

    before_iteration = False

    def __init__(self, plan: Plan, line: Line | None) -> None:
        self._plan, self._line = plan, line
        self._early = _early_stopping(plan) if line is None or line.leads else None
        self.history: dict[str, list[float]] = {}
        self.rounds = 0
        self.is_over = False

    def __call__(self, env: CallbackEnv) -> None:
        from lightgbm.callback import EarlyStopException

        self.rounds = env.iteration + 1
        leads = self._line is None or self._line.leads
        word = self._decided(env) if leads else _GO_ON
        word = self._line.shared(word) if self._line else word
        if word == _TIME_IS_OVER:
            self.is_over = True
            raise EarlyStopException(env.iteration, [])
        if word != _GO_ON:
            raise EarlyStopException(word - 1, [])

    def _decided(self, env: CallbackEnv) -> int:
        """Go on, time is over, or the round that was best."""
        from lightgbm.callback import EarlyStopException

        for _, metric, value, *_ in env.evaluation_result_list or ():
            self.history.setdefault(metric, []).append(float(value))
        try:
            if self._early:
                self._early(env)
        except EarlyStopException as stop:
            return int(stop.best_iteration) + 1
        is_last = self.rounds == env.end_iteration
        is_late = self._plan.until is not None and time.time() >= self._plan.until
        return _TIME_IS_OVER if is_late and not is_last else _GO_ON


def _early_stopping(plan: Plan) -> Any:
    from lightgbm import early_stopping

    if plan.early_stopping_rounds is None:
        return None
    return early_stopping(
        plan.early_stopping_rounds,
        first_metric_only=bool(plan.parameters.get("first_metric_only", False)),
        verbose=False,
        min_delta=plan.parameters.get("early_stopping_min_delta", 0.0),
    )


def _without_ports(model: str) -> str:
    """The model without addresses and ports, which differ from fit to fit.

    >>> _without_ports("[machines: 10.0.0.1:20417,10.0.0.2:31002]\\n[local_listen_port: 20417]\\n[num_machines: 2]")
    '[machines: ]\\n[local_listen_port: 12400]\\n[num_machines: 2]'
    """
    model = re.sub(r"^\[machines: .*\]$", "[machines: ]", model, flags=re.MULTILINE)
    return re.sub(r"^\[local_listen_port: \d+\]$", "[local_listen_port: 12400]", model, flags=re.MULTILINE)


def _row(values: dict[str, Any]) -> pa.RecordBatch:
    import pyarrow as pa

    kinds = {"int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}
    fields = [part.split(" ") for part in RESULT.split(", ")]
    arrays = [pa.array([values.get(name)], kinds.get(kind, pa.string())) for name, kind in fields]
    return pa.RecordBatch.from_arrays(arrays, [name for name, _ in fields])
