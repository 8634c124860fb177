"""`scoring`: boosted trees over a Delta table: the step against the native library, the whole against other programs.

`python -m benchmarks.scoring --rows 20000 --trees 50 200` measures less.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from aurify.models.synapse_lightgbm import COORDINATES
from benchmarks import program, results
from benchmarks.scoring_work import EXPLAINED, explained_by

TREES = (50, 200, 1000)
# Rows of 100 doubles in the memory of Java, beside those that are written; the same for all.
DRIVER_MEMORY = "6g"
FIRST, WARM = "first", "warm"
OWN = ("native", "whole", "step")
# Once, over the first case, with 200 trees.
SLOW = {"spark_udf": "", "synapse": COORDINATES}
SLOW_LIMIT_S = 240.0
MOST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Case:
    """Rows, features, how often a warm program is measured, and with how many trees."""

    name: str
    rows: int
    width: int
    runs: int
    trees: Sequence[int] = TREES

    def sections(self, name: str) -> list[str]:
        """The runs of a program: the first apart, where there are trees or Java code to be compiled in it."""
        warm = [WARM] * self.runs
        return warm if name == "native" else [FIRST, *warm]


CASES = (
    Case("1m_15", 1_000_000, 15, 2),
    Case("1m_100", 1_000_000, 100, 1),
)


# Half an hour of two cores: measured apart, with the trees that the targets name.
LARGE = (Case("5m_15", 5_000_000, 15, 1, (200,)), Case("5m_100", 5_000_000, 100, 1, (200,)))


def measure_large(scratch: Path) -> None:
    """The same with more rows, kept as results of their own."""
    measure(scratch, LARGE, "scoring_large")


def measure(scratch: Path, cases: Sequence[Case] = CASES, kept_as: str = "scoring") -> None:
    """All cases, each program in a process of its own; written after each case."""
    measured: dict[str, Any] = {}
    rows = {case.name: case.rows for case in cases}
    packages = {name: version(name) for name in ("lightgbm", "lleaves", "llvmlite", "mlflow", "synapseml")}
    for case in cases:
        folder = str(scratch / case.name)
        told: dict[str, Any] = {"folder": folder, "width": case.width, "trees": list(case.trees)}
        make = "benchmarks.scoring_work:make"
        models = program.run(make, DRIVER_MEMORY, rows=case.rows, sections=case.sections("whole"), **told)["returned"]
        costs, failed = _programs(case, told), dict[str, str]()
        if case is CASES[0]:
            costs |= _slow_programs({**told, "trees": [explained_by(case.trees)]}, failed)
        measured[case.name] = {"models": models, "costs": costs, "failed": failed}
        shutil.rmtree(folder)
        parts = {"driver_memory": DRIVER_MEMORY, "packages": packages, **measured}
        results.write(kept_as, {name: rows[name] for name in measured}, ratios(measured), parts)


def _programs(case: Case, told: Mapping[str, Any]) -> dict[str, Any]:
    """The costs of the native library, of Aurify's whole and its step, and of the program by hand."""
    costs = {}
    for name in (*OWN, "hand_written"):
        where = "benchmarks.scoring_work" if name in OWN else "benchmarks.rivals.scorers"
        ran = program.run(f"{where}:{name}", DRIVER_MEMORY, sections=case.sections(name), **told)
        _refuse_unlike(f"{case.name}, {name}", ran["returned"])
        costs[name] = ran["costs"]
        print(f"{case.name}, {name}: { ({part: _wall(costs, name, part) for part in ran['costs']}) }", flush=True)
    return costs


def _slow_programs(told: Mapping[str, Any], failed: dict[str, str]) -> dict[str, Any]:
    """The costs of those that ended in time; why the others did not is put on `failed`."""
    costs = {}
    for name, packages in SLOW.items():
        try:
            function = f"benchmarks.rivals.scorers:{name}"
            ran = program.run_within(SLOW_LIMIT_S, function, DRIVER_MEMORY, packages, sections=[WARM], **told)
        except program.Unfinished as error:
            failed[name] = str(error)
            print(f"scoring: {error}", flush=True)
            continue
        _refuse_unlike(name, ran["returned"])
        costs[name] = ran["costs"]
    return costs


def _refuse_unlike(name: str, differences: Mapping[str, float]) -> None:
    """Stop where a score is another one than the native library's."""
    worst = max(differences.values())
    if not worst <= MOST_DIFFERENCE:
        raise SystemExit(f"{name}: scores differ by {worst:.1e}: {differences}")


def ratios(measured: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Speed-ups, a rival's seconds by Aurify's, by case; `_first` counts the compilation of the trees once."""
    found: dict[str, dict[str, float]] = {}
    for case, told in measured.items():
        trees = [int(count) for count in told["models"]]
        for name, (theirs, mine) in _compared(told["costs"], trees).items():
            found.setdefault(name, {})[case] = results.ratio(theirs, mine)
    return found


def _compared(costs: Mapping[str, Any], trees: Sequence[int]) -> dict[str, tuple[float, float]]:
    """What is compared: the rival's seconds and Aurify's."""
    found = {}
    for count in trees:
        native, step = (_wall(costs, name, f"{name}_{count}_{WARM}") for name in ("native", "step"))
        whole, by_hand = (_wall(costs, name, f"whole_{count}_{WARM}") for name in ("whole", "hand_written"))
        found[f"step_vs_native_{count}"] = (native, step)
        found[f"step_vs_native_{count}_first"] = (native, step + _wall(costs, "native", f"compile_{count}"))
        found[f"whole_vs_hand_written_{count}"] = (by_hand, whole)
        first, first_by_hand = (_wall(costs, name, f"whole_{count}_{FIRST}") for name in ("whole", "hand_written"))
        found[f"whole_vs_hand_written_{count}_first"] = (first_by_hand, first)
    count = explained_by(trees)
    by_hand = _wall(costs, "hand_written", f"whole_{count}_{WARM}")
    found[f"explained_vs_hand_written_{count}"] = (by_hand, _wall(costs, "whole", f"{EXPLAINED}_{WARM}"))
    for name in SLOW.keys() & costs.keys():
        whole = _wall(costs, "whole", f"whole_{count}_{WARM}")
        found[f"whole_vs_{name}_{count}"] = (_wall(costs, name, f"whole_{count}_{WARM}"), whole)
    return found


def _wall(costs: Mapping[str, Any], program: str, part: str) -> float:
    return float(median(cost["wall_s"] for cost in costs[program][part]))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--rows", type=int, help="of one case, in place of all")
    parser.add_argument("--features", type=int, default=15)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--trees", type=int, nargs="+", default=TREES)
    asked = parser.parse_args()
    case = f"{asked.rows}_{asked.features}"
    own = [] if asked.rows is None else [Case(case, asked.rows, asked.features, asked.runs, asked.trees)]
    with program.scratch_of("scoring") as scratch:
        measure(scratch, own or CASES)


if __name__ == "__main__":
    main()
