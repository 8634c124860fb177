"""A process that monitors lakes up to a step each, and is killed there with its JVM."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import aurify
from aurify.workflows.monitor import monitor
from tests.kills.victim import Told, main


def work(root: str, replays: str, told: Told) -> None:
    """Monitor one lake, and tell how it went."""
    try:
        monitor(aurify.connect("local", root), "risk", listen=lambda said: told.step(root, "", said))
    except Exception as error:
        told.step(root, "", "raised", error=f"{type(error).__name__}: {error}")
        raise
    told.step(root, "", "finished", exit_code=0)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), work)
