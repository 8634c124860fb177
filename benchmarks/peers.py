"""`peers`: the rows and rules of `gate` through other libraries, each in a virtual environment and process of its own.

`python -m benchmarks.peers --rows 100000 --bad 1 20 --peers sparkdq` measures less. Each share of bad rows is written
as soon as it is measured, beside the shares that were measured before with as many rows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

from aurify.errors import AurifyError
from aurify.session.jars import cached_jars
from aurify.session.java import find_java
from benchmarks import program, results
from benchmarks.program import ROOT

PEERS = ("lakehouse_engine", "spark_expectations", "great_expectations", "sparkdq")
ROWS, BAD_PERCENT = 1_000_000, (0, 1, 20)
ENVIRONMENTS = ROOT / ".aurify" / "peers"
PATIENCE_S = 900
TELLING = 25  # the last lines of a peer that failed
OURS = "work"  # the section that is compared: judged, and good and bad rows written


class PeerFailed(Exception):
    """A peer that can't be set up, or ended with an error: what it said last."""


@dataclass(frozen=True)
class Peer:
    """The Python of its virtual environment, and the jars of its Spark's Delta; its module is in the package `of`."""

    name: str
    of: str
    python: Path
    jars: tuple[Path, ...]


def measure(
    scratch: Path, rows: int = ROWS, bad_percent: Sequence[int] = BAD_PERCENT, names: Sequence[str] = PEERS
) -> None:
    """Aurify and the peers in turn; a peer that fails, or finds something else than was planted, is told of."""
    failed: dict[str, str] = {}
    shares = _measured_before(rows)
    peers = set_up(names, failed, "peers_of_gate")
    for bad in bad_percent:
        case = f"{bad}_percent"
        shares[case] = _one_share(scratch / case, rows, bad, peers) | {"can't be set up": failed}
        shutil.rmtree(scratch / case)
        results.write("peers", {"measured": rows}, _ratios(shares), shares)


def _measured_before(rows: int) -> dict[str, Any]:
    """The shares of bad rows that the result on disk holds, where it has as many rows."""
    held = results.read("peers")
    return held["measured"] if held and held["rows"] == {"measured": rows} else {}


def _ratios(shares: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Aurify by each peer, and by each further way that a peer measured; each in the run of its share."""
    ratios: dict[str, dict[str, float]] = {}
    for case, found in shares.items():
        mine = found["aurify"]["costs"][OURS]
        ways = [(name, way, cost) for name, peer in found["peers"].items() for way, cost in peer["costs"].items()]
        for name, way, cost in ways:
            if way.startswith("warm"):
                continue
            versus = ratios.setdefault(f"vs_{name}" if way == OURS else f"vs_{name}_{way}", {})
            versus[f"cpu_{case}"] = results.ratio(mine["cpu_s"], cost["cpu_s"])
            versus[f"wall_{case}"] = results.ratio(mine["wall_s"], cost["wall_s"])
    return ratios


def _one_share(scratch: Path, rows: int, bad: int, peers: Sequence[Peer]) -> dict[str, Any]:
    began = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": results.machine()}
    sources = str(scratch / "sources")
    made = program.run("benchmarks.gate_work:make", sources=sources, rows=rows, bad_percent=bad, with_key=True)
    planted = made["returned"]
    ours = program.run("benchmarks.gate_work:aurify", sources=sources, warehouse=str(scratch / "aurify"))
    if ours["returned"] != planted:
        raise SystemExit(f"aurify found {ours['returned']}, planted were {planted}")
    measured: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for peer in peers:
        warehouse = scratch / peer.name
        try:
            ran = run(peer, sources=sources, warehouse=str(warehouse))
        except PeerFailed as error:
            failed[peer.name] = str(error)
            print(f"peers: {peer.name}, {bad} % bad rows: failed\n{error}", flush=True)
            continue
        finally:
            shutil.rmtree(warehouse, ignore_errors=True)
        unlike = {way: _unlike(found, planted) for way, found in ran["found"].items()}
        measured[peer.name] = {
            "versions": ran["versions"],
            "costs": _single(ran["costs"]),
            "unlike": {way: differs for way, differs in unlike.items() if differs},
        }
        print(f"peers: {peer.name}, {bad} % bad rows: {json.dumps(measured[peer.name])}", flush=True)
    mine = {"costs": _single(ours["costs"])}
    return began | {"planted": planted, "aurify": mine, "peers": measured, "failed": failed}


def _single(costs: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {section: runs[0] for section, runs in costs.items()}


def _unlike(found: Mapping[str, Any], planted: Mapping[str, Any]) -> dict[str, Any]:
    """Where a peer found something else than was planted."""
    flat = [{"good": told["good"], "bad": told["bad"], **told["rules"]} for told in (found, planted)]
    return {
        name: {"found": flat[0].get(name, 0), "planted": flat[1].get(name, 0)}
        for name in sorted(flat[0].keys() | flat[1].keys())
        if flat[0].get(name, 0) != flat[1].get(name, 0)
    }


def set_up(names: Sequence[str], failed: dict[str, str], of: str) -> list[Peer]:
    """The peers that could be made ready; the environments stay for the next time."""
    ready = []
    for name in names:
        try:
            ready.append(Peer(name, of, environment(name, of), _jars(_requirements(name, of))))
        except (PeerFailed, AurifyError) as error:
            failed[name] = _without_paths(str(error))
            print(f"peers: {name} can't be set up\n{error}", flush=True)
    return ready


def _requirements(name: str, of: str) -> Path:
    return ROOT / "benchmarks" / of / "requirements" / f"{name}.txt"


def environment(name: str, of: str) -> Path:
    """The Python of a peer of the package `of`, installed anew where its requirements have changed."""
    home, requirements = ENVIRONMENTS / name, _requirements(name, of)
    python, installed = home / "bin" / "python", home / "installed.txt"
    wanted = requirements.read_text(encoding="utf-8")
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        print(f"peers: {name} is installed", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        call([sys.executable, "-m", "venv", str(home)])
        call([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)])
        installed.write_text(wanted, encoding="utf-8")
    return python


def _jars(requirements: Path) -> tuple[Path, ...]:
    """The Delta that belongs to the peer's Spark: it pins the package, the jar has the same version."""
    pinned = re.search(r"^delta-spark==(.+)$", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    if pinned is None:
        raise PeerFailed(f"{requirements.name} pins no delta-spark")
    return cached_jars([f"io.delta:delta-spark_2.12:{pinned[1]}"], {}, find_java())


def run(peer: Peer, **arguments: str) -> dict[str, Any]:
    """What the peer found, its costs by section and its versions."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        said = json.dumps({**arguments, "jars": [str(jar) for jar in peer.jars]})
        call([str(peer.python), "-m", "benchmarks.peers_of_gate.program", f"{peer.of}.{peer.name}", said, str(answer)])
        document: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return document


def call(command: Sequence[str], patience_s: float = PATIENCE_S) -> None:
    """Run a command of a peer; PeerFailed with its last words where it fails or takes longer."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYSPARK_", "SPARK_", "PYTHON"))}
    env |= {"JAVA_HOME": str(find_java().home), "PYTHONPATH": str(ROOT), "GX_ANALYTICS_ENABLED": "false"}
    env["DO_NOT_TRACK"] = "1"
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = psutil.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            code = process.wait(patience_s)
        except psutil.TimeoutExpired:
            raise PeerFailed(f"no end within {patience_s:g} s; {_stopped(process)}") from None
        if code:
            log.seek(0)
            raise PeerFailed(_without_paths("".join(log.readlines()[-TELLING:]) or f"ended with {code}"))


def _stopped(process: psutil.Process) -> str:
    """End a process and all that it started; tells what CPU they had used."""
    family = [process, *process.children(recursive=True)]
    used = sum(sum(one.cpu_times()[:2]) for one in family)
    for one in family:
        one.kill()
    psutil.wait_procs(family)
    return f"it had used {used:.0f} s of CPU, its start counted"


def _without_paths(text: str) -> str:
    """Places of this machine are nobody's business."""
    for place in (str(ROOT), tempfile.gettempdir(), str(Path.home())):
        text = text.replace(place, "...")
    return text


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--bad", type=int, nargs="+", default=BAD_PERCENT, help="bad rows of a hundred")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    asked = parser.parse_args()
    with program.scratch_of("peers") as scratch:
        measure(scratch, asked.rows, asked.bad, asked.peers)


if __name__ == "__main__":
    main()
