"""A process that scores lakes up to a step each, by the champion and a shadow, and is killed there with its JVM."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import aurify
from aurify.workflows.run import Step
from aurify.workflows.score import score
from tests.kills.victim import Told, main


def work(root: str, replays: str, told: Told) -> None:
    """Score one lake, and tell how it went."""

    def listen(step: Step) -> None:
        told.step(root, step.table, step.name)

    try:
        report = score(aurify.connect("local", root), "risk", shadow=2, listen=listen)
    except Exception as error:
        told.step(root, "", "raised", error=f"{type(error).__name__}: {error}")
        raise
    told.step(root, "", "finished", exit_code=report.exit_code)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), work)
