"""The lease: one run at a time on a table; what died or fell silent is void."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aurify.errors import EnvironmentFailure
from aurify.publish.lease import SUBMISSION, Lease
from aurify.storage import Storage

TAKE = """
import os, sys
from aurify.publish.lease import SUBMISSION, Lease
from aurify.storage import Storage
Lease(Storage(), sys.argv[1], "dead run").__enter__()
os._exit(0)
"""


def claims(table: Path) -> list[str]:
    return sorted(path.name for path in (table / "_aurify" / "lease").glob("*.json"))


def rewrite(table: Path, **changed: Any) -> None:
    """Change what the newest claim says."""
    file = table / "_aurify" / "lease" / claims(table)[-1]
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def lease(table: Path, run: str, heartbeat_s: float = 30, void_after_s: float = 60) -> Lease:
    return Lease(Storage(), str(table), run, heartbeat_s, void_after_s)


def test_a_held_lease_refuses_another_run_and_says_who_holds_it(tmp_path: Path) -> None:
    with lease(tmp_path, "one"):
        with pytest.raises(EnvironmentFailure, match=rf"run one on .* \(process {os.getpid()}\)") as refused:
            lease(tmp_path, "two").__enter__()
        assert refused.value.exit_code == 3
        holder = lease(tmp_path, "two").holder()
        assert holder is not None
        assert holder["run"] == "one"


def test_a_lease_that_was_lost_is_told_at_the_end_of_work(tmp_path: Path) -> None:
    told: list[str] = []
    with Lease(Storage(), str(tmp_path), "slow", heartbeat_s=30, on_lost=lambda: told.append("lost")):
        rewrite(tmp_path, beat=0)
        with lease(tmp_path, "other"):
            pass
    assert told == ["lost"]
    with Lease(Storage(), str(tmp_path), "one", heartbeat_s=30, on_lost=lambda: told.append("again")):
        pass
    assert told == ["lost"]


def test_a_released_lease_is_free_and_the_next_claim_has_the_next_number(tmp_path: Path) -> None:
    with lease(tmp_path, "one"):
        assert claims(tmp_path) == ["000000001.json"]
    assert lease(tmp_path, "two").holder() is None
    with lease(tmp_path, "two") as second:
        assert claims(tmp_path) == ["000000002.json"]
        assert second.is_mine


def test_a_lease_is_released_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lease(tmp_path, "one"):
        raise KeyError
    assert lease(tmp_path, "two").holder() is None


def test_the_claim_of_a_dead_process_of_this_host_is_void_at_once(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", TAKE, str(tmp_path)], check=True)
    assert claims(tmp_path) == ["000000001.json"]
    with lease(tmp_path, "two"):
        assert claims(tmp_path) == ["000000002.json"]


def test_a_later_process_of_the_same_number_does_not_hold_the_claim_of_the_dead_one(tmp_path: Path) -> None:
    lease(tmp_path, "one").__enter__()
    rewrite(tmp_path, process="1")
    assert lease(tmp_path, "two").holder() is None


def test_a_claim_from_another_host_stands_until_it_falls_silent(tmp_path: Path) -> None:
    lease(tmp_path, "one").__enter__()
    rewrite(tmp_path, host="elsewhere pid:[1]", pid=1, process="0")
    with pytest.raises(EnvironmentFailure, match="run one on elsewhere"):
        lease(tmp_path, "two").__enter__()
    rewrite(tmp_path, beat=time.time() - 61)
    with lease(tmp_path, "two"):
        assert claims(tmp_path) == ["000000002.json"]


def test_who_was_taken_over_neither_renews_nor_releases_the_claim_of_another(tmp_path: Path) -> None:
    paused = lease(tmp_path, "paused", heartbeat_s=0.01)
    paused.__enter__()
    rewrite(tmp_path, beat=time.time() - 61)
    working = lease(tmp_path, "working")
    for _ in range(200):
        rewrite(tmp_path, beat=time.time() - 61)  # the paused run's heart may beat in between
        try:
            working.__enter__()
            break
        except EnvironmentFailure:
            continue
    assert working.is_mine
    assert not paused.is_mine
    time.sleep(0.05)
    paused.__exit__(None, None, None)
    holder = lease(tmp_path, "third").holder()
    assert holder is not None
    assert holder["run"] == "working"


def test_a_held_lease_is_renewed(tmp_path: Path) -> None:
    with lease(tmp_path, "one", heartbeat_s=0.02) as held:
        rewrite(tmp_path, beat=0.0)
        for _ in range(200):
            if held.holder() is not None:
                break
            time.sleep(0.02)
        assert held.holder() is not None


def test_of_two_claims_at_once_one_wins(tmp_path: Path) -> None:
    one, two = lease(tmp_path, "one"), lease(tmp_path, "two")
    two.holder = lambda: None  # type: ignore[method-assign]  # it looked before the other claimed
    two._claims = list  # type: ignore[method-assign]
    with one, pytest.raises(EnvironmentFailure):
        two.__enter__()


def test_the_claim_of_an_attempt_before_this_one_of_its_submission_is_void_wherever_it_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SUBMISSION, "aurify-1")
    lease(tmp_path, "first attempt").__enter__()
    assert lease(tmp_path, "another thread").holder() is not None, "this process is no attempt before"
    rewrite(tmp_path, host="another node")
    assert lease(tmp_path, "second attempt").holder() is None
    for submission in ("aurify-2", ""):
        monkeypatch.setenv(SUBMISSION, submission)
        assert lease(tmp_path, "of others").holder() is not None


def test_a_store_that_is_away_ends_no_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lease(tmp_path, "one", heartbeat_s=0.02, void_after_s=30):
        names = Storage.names
        monkeypatch.setattr(Storage, "names", lambda self, path: (_ for _ in ()).throw(OSError("away")))
        time.sleep(0.1)
        monkeypatch.setattr(Storage, "names", names)
        before = json.loads((tmp_path / "_aurify" / "lease" / claims(tmp_path)[-1]).read_text())["beat"]
        time.sleep(0.2)
        assert json.loads((tmp_path / "_aurify" / "lease" / claims(tmp_path)[-1]).read_text())["beat"] > before
