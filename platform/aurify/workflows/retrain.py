"""Train models whose alerts ask for it; each new version passes the same gate as any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.errors import AurifyError, ConfigurationError
from aurify.models.declare import ModelSpec
from aurify.workflows.halted import alerts_for
from aurify.workflows.train import Listener, TrainReport, train

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


@dataclass(frozen=True)
class Retrained:
    """A model: why it was to be trained, empty where nothing asked for it, and what became of it."""

    model: str
    because: tuple[str, ...]
    trained: TrainReport | None = None
    error: AurifyError | None = None

    @property
    def exit_code(self) -> int:
        """That of its training; 0 where there was none."""
        if self.error is not None:
            return self.error.exit_code
        return 0 if self.trained is None else self.trained.exit_code

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        told = None if self.trained is None else self.trained.as_dict()
        error = None if self.error is None else self.error.render()
        return {"model": self.model, "because": list(self.because), "trained": told, "error": error}


@dataclass(frozen=True)
class RetrainReport:
    """Every model that was asked about."""

    models: tuple[Retrained, ...]

    @property
    def exit_code(self) -> int:
        """The highest of the models'."""
        return max((told.exit_code for told in self.models), default=0)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": self.exit_code, "models": [told.as_dict() for told in self.models]}


def retrain(
    lake: Lake, models: Sequence[str], *, if_needed: bool = False, listen: Listener = lambda said: None
) -> RetrainReport:
    """Train each of the models, all of them if none is named; a failure of one does not keep the others from it.

    `if_needed` trains, of those that declare `Monitoring(retrain=...)`, the ones whose champion has an alert that asks
    for it, or that have no champion. Where no label is new the same version is found again, with its
    gate's answer.
    """
    if if_needed:
        refuse_undeclared(lake, models)
    every = [spec for spec in lake.models.values() if not if_needed or spec.monitoring.retrain is not None]
    specs = [lake.model(name) for name in models] or every
    return RetrainReport(tuple(_retrained(lake, spec, if_needed, listen) for spec in specs))


def _retrained(lake: Lake, spec: ModelSpec, if_needed: bool, listen: Listener) -> Retrained:
    try:
        because = _because(lake, spec) if if_needed else ("it was asked for",)
        if not because:
            return Retrained(spec.name, ())
        listen(f"{spec.name}: {'; '.join(because)}")
        return Retrained(spec.name, because, train(lake, spec.name, listen=listen))
    except AurifyError as error:
        return Retrained(spec.name, (), error=error)


def _because(lake: Lake, spec: ModelSpec) -> tuple[str, ...]:
    """Why a model is to be trained; empty where nothing asks for it."""
    champion = lake.registry.champion(spec.name)
    if champion is None:
        return ("it has no champion",)
    alerts = alerts_for(lake, spec, champion.number, spec.monitoring.retrain)
    return tuple(f"{told.alert.column} is {told.severity} since {told.since}" for told in alerts)


def refuse_undeclared(lake: Lake, models: Sequence[str]) -> None:
    """ConfigurationError where a model is named that nothing can ask to be trained."""
    silent = [name for name in models if lake.model(name).monitoring.retrain is None]
    if silent:
        hint = 'declare monitoring=Monitoring(retrain="orange") in its file'
        raise ConfigurationError.of(f"retrain {', '.join(silent)}", "no severity that asks for it", "one", hint)
