"""One training of a model at a time, and what one that was killed left, made good before the next begins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from aurify.models.gate import Decision
from aurify.models.registry import JUDGEMENT_FILE, Registry, Version
from aurify.publish.lease import Lease
from aurify.workflows.training_set import FOLDER

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


@contextmanager
def claimed(lake: Lake, model: str) -> Iterator[str]:
    """Hold a model against other trainings, and give a scratch folder that is gone afterwards.

    Runs, half-made versions and the scratch folder of a killed training are gone before. EnvironmentFailure where
    another process trains the model.
    """
    sets, beat = f"{lake.settings.warehouse}/{FOLDER}", lake.settings.lease
    home = f"{sets}/_work/{model}"
    scratch = f"{home}/scratch"
    with Lease(lake.storage, home, uuid4().hex, beat.heartbeat_s, beat.void_after_s):
        lake.storage.remove(scratch)
        lake.registry.remove_unfinished(model, f"{sets}/")
        try:
            yield scratch
        finally:
            lake.storage.remove(scratch)


def settle(registry: Registry, version: Version) -> None:
    """Give a version the alias that it earned, if its training was ended before that; a newer champion stays."""
    if registry.is_finished(version):
        return
    champion = registry.champion(version.model)
    if champion is None or champion.number <= version.number:
        give_alias(registry, version, Decision(**json.loads(registry.document(version, JUDGEMENT_FILE))["gate"]))
    registry.finish(version)


def give_alias(registry: Registry, version: Version, decision: Decision) -> None:
    """Make a version champion, or challenger where it is within the limits but worse."""
    if decision.passed:
        registry.promote(version, "gate", "; ".join(decision.checks) or "no limit is declared")
    elif decision.within_limits:
        registry.set_challenger(version)
