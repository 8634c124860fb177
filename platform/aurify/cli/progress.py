"""Progress: one bar a table on a terminal, the same steps as log lines without one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aurify.cli.terminal import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from aurify.workflows.run import Listener, Step

STEPS = ("recorded", "staged", "decided", "quarantined", "published", "balanced")

log = logging.getLogger("aurify")


@contextmanager
def shown_steps() -> Iterator[Listener]:
    """A listener that shows every step on stderr."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield log_step
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        yield _bars(progress)


def log_step(step: Step) -> None:
    """One line a step; what the run itself does is named by the run."""
    what = " ".join(part for part in (step.table or f"run {step.run}", step.batch) if part)
    log.info("%s: %s (%.1f s)", what, step.name, step.seconds)


def _bars(progress: Progress) -> Callable[[Step], None]:
    tasks: dict[str, TaskID] = {}

    def show(step: Step) -> None:
        name = step.table or "run"
        if name not in tasks:
            tasks[name] = progress.add_task(name, total=len(STEPS) if step.table else None)
        done = STEPS.index(step.name) + 1 if step.name in STEPS else None
        text = " ".join(part for part in (name, step.batch, step.name) if part)
        progress.update(tasks[name], description=text, completed=done)

    return show
