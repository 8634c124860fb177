"""Tables in graph order: independent ones side by side, what depends on a failed one not at all."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from aurify.errors import AurifyError, DataError, EnvironmentFailure
from aurify.workflows.report import TableReport
from aurify.workflows.run import Run

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

Work = Callable[[str], TableReport]


def in_graph_order(lake: Lake, names: Sequence[str], run: Run, work: Work) -> None:
    """Do the work of every table after that of its inputs; an interrupt ends what runs and starts no more."""
    chosen = set(names)
    edges = {name: {*lake.specs[name].upstream, *lake.looks_into.get(name, ())} for name in names}
    graph = {name: chosen & above for name, above in edges.items()}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(max_workers=lake.settings.parallel, thread_name_prefix="table") as pool:
        try:
            while sorter.is_active():
                for name in sorter.get_ready():
                    blocked = [up for up in sorted(graph[name]) if run.report_of(up).outcome in ("failed", "skipped")]
                    if blocked:
                        run.report_of(name).outcome = "skipped"
                        run.report_of(name).because = f"{', '.join(blocked)} did not succeed"
                        sorter.done(name)
                    else:
                        running[pool.submit(_do, name, run, work)] = name
                if not running:
                    continue
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    future.result()
                    sorter.done(name)
        except KeyboardInterrupt:
            run.report.interrupted = True
            lake.cancel()
            pool.shutdown(wait=True, cancel_futures=True)


def _do(name: str, run: Run, work: Work) -> None:
    report = run.report_of(name)
    try:
        work(name)
    except AurifyError as error:
        report.error = error
    except Exception as error:  # noqa: BLE001 - a table that fails must not take the others with it
        report.error = explained(name, error)
    if report.error is not None:
        report.outcome = "failed"
        run.told(name, "", "failed")


def java_cause(error: Exception) -> str:
    """What the innermost exception of Java says; empty where the error is not Java's."""
    inner = getattr(error, "java_exception", None)
    if inner is None:
        return ""
    while inner.getCause() is not None:
        inner = inner.getCause()
    return f"{inner.getClass().getSimpleName()}: {inner.getMessage()}"


def explained(name: str, error: Exception, consequence: str = "nothing was published") -> AurifyError:
    """An error of the machine or of a table's function, told with its place and cause."""
    text = java_cause(error) or f"{type(error).__name__}: {error}"
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or "No space left on device" in text:
        hint = f"make room and refresh again: {consequence}"
        return EnvironmentFailure.of(name, "the disk is full", "room for the batch", hint)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
    if "DELTA_VIOLATE_CONSTRAINT" in text or "DELTA_NOT_NULL_CONSTRAINT" in text:
        hint = "put the constraint into the suite, so that its rows go to quarantine; nothing was published"
        return DataError.of(name, text.replace("\n", " "), "rows that the constraints of the table allow", hint)
    if type(error).__name__ in ("AnalysisException", "ParseException", "PythonException", "PySparkTypeError"):
        return DataError.of(name, first, "a function that Spark can run", "mend its code")
    failure = EnvironmentFailure.of(
        name,
        first,
        "a batch that runs to its end",
        "refresh again: it goes on where it was",
    )
    failure.__cause__ = error
    return failure
