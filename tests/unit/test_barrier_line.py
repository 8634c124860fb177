"""The sockets of a fit: ports that are kept, strangers that are hung up on, and workers that train over them."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from aurify.models.barrier_line import answered, called, held_port, listening, own_address
from aurify.models.barrier_rows import Plan, Rows
from aurify.models.barrier_training import Lead, boosted

TOKEN = "0123456789abcdef"


def test_a_held_port_is_nobody_elses() -> None:
    held = [held_port() for _ in range(20)]
    ports = {one.getsockname()[1] for one in held}
    assert len(ports) == 20
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("", min(ports)))
    for one in held:
        one.close()


def test_workers_of_one_machine_meet_on_its_loopback() -> None:
    assert own_address(["127.0.0.1", "localhost"]) == "127.0.0.1"


def test_all_hear_what_the_first_worker_says_and_strangers_hear_nothing() -> None:
    door = listening()
    address = ("127.0.0.1", door.getsockname()[1])
    with ThreadPoolExecutor() as pool:
        line = pool.submit(answered, door, 2, TOKEN, 10.0)
        stranger = called(address, TOKEN[::-1], 10.0)
        others = [called(address, TOKEN, 10.0) for _ in range(2)]
        first = line.result(10)
    for word in (0, 7, -1):
        assert first.shared(word) == word
        assert [other.shared(0) for other in others] == [word, word]
    with pytest.raises(ConnectionError):
        stranger.shared(0)
    first.close()
    with pytest.raises(ConnectionError, match="the other worker has gone"):
        others[0].shared(0)
    door.close()
    for one in (stranger, *others):
        one.close()


def test_a_port_that_another_took_meanwhile_is_waited_for() -> None:
    pytest.importorskip("lightgbm")
    parameters = {"objective": "regression", "num_threads": 1, "time_out": 1, "verbosity": -1}
    plan = Plan(("a",), (), False, parameters, 2, 3, None, None)
    taken = [held_port(), held_port()]
    ports = [one.getsockname()[1] for one in taken]
    taken[0].close()
    threading.Timer(0.6, taken[1].close).start()

    def texts(port: int) -> str:
        # LightGBM's network belongs to a thread: two of them are two workers
        rows = Rows()
        values = np.arange(200.0)
        rows.add((values.reshape(-1, 1), values), slice(None))
        machines: dict[str, Any] = {"machines": ",".join(f"127.0.0.1:{one}" for one in ports), "num_machines": 2}
        network = {**machines, "local_listen_port": port, "tree_learner": "data"}
        booster = boosted(plan, network, rows.dataset(plan), None, Lead(plan, None))
        text = str(booster.model_to_string()).split("end of trees")[0]
        booster.free_network()
        return text

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(texts, ports)
    assert first == second
