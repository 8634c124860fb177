"""Training in one worker of a fit: rounds that all workers begin, and end, together."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any

from aurify.models.barrier_line import Line
from aurify.models.barrier_rows import Plan, Rows

if TYPE_CHECKING:
    from lightgbm import Booster, Dataset
    from lightgbm.callback import CallbackEnv

NAME = "validation"
PORT_TAKEN = "Binding port"
_GO_ON, _TIME_IS_OVER = 0, -1
_TRIES, _PAUSE = 20, 0.25


def trained_model(
    rows: Rows, validation: Rows, plan: Plan, network: dict[str, Any], line: Line | None
) -> dict[str, Any]:
    """What training gave."""
    leads = line is None or line.leads
    lead = Lead(plan, line)
    train_set = rows.dataset(plan)
    valid_sets = [validation.dataset(plan, train_set)] if len(validation) else None
    booster = boosted(plan, network, train_set, valid_sets, lead)
    try:
        return {
            "is_over": lead.is_over,
            "rounds": lead.rounds,
            "best_iteration": booster.best_iteration or booster.current_iteration(),
            "history": json.dumps(lead.history),
            "model": _without_ports(booster.model_to_string()) if leads and not lead.is_over else None,
        }
    finally:
        booster.free_network()


def boosted(
    plan: Plan, network: dict[str, Any], train_set: Dataset, valid_sets: list[Dataset] | None, lead: Lead
) -> Booster:
    """The trained booster; a port that another process took meanwhile is waited for."""
    import lightgbm

    lightgbm.register_logger(logging.getLogger(__name__))  # else it prints
    for left in reversed(range(_TRIES)):
        try:
            return lightgbm.train(
                {**plan.parameters, **network},
                train_set,
                num_boost_round=plan.rounds,
                valid_sets=valid_sets,
                valid_names=[NAME] if valid_sets else None,
                keep_training_booster=True,
                callbacks=[lead],
            )
        except lightgbm.basic.LightGBMError as error:
            if PORT_TAKEN not in str(error) or not left:
                raise
            time.sleep(_PAUSE)
    raise AssertionError("the last try returns or raises")


class Lead:
    """After each round: the first worker decides whether it goes on, and all do the same.

    Each of them deciding alone would leave some waiting for others that have ended.
    """

    before_iteration = False

    def __init__(self, plan: Plan, line: Line | None) -> None:
        self._plan, self._line = plan, line
        self._early = _early_stopping(plan) if line is None or line.leads else None
        self.history: dict[str, list[float]] = {}
        self.rounds = 0
        self.is_over = False

    def __call__(self, env: CallbackEnv) -> None:
        from lightgbm.callback import EarlyStopException

        self.rounds = env.iteration + 1
        leads = self._line is None or self._line.leads
        word = self._decided(env) if leads else _GO_ON
        word = self._line.shared(word) if self._line else word
        if word == _TIME_IS_OVER:
            self.is_over = True
            raise EarlyStopException(env.iteration, [])
        if word != _GO_ON:
            raise EarlyStopException(word - 1, [])

    def _decided(self, env: CallbackEnv) -> int:
        """Go on, time is over, or the round that was best."""
        from lightgbm.callback import EarlyStopException

        for _, metric, value, *_ in env.evaluation_result_list or ():
            self.history.setdefault(metric, []).append(float(value))
        try:
            if self._early:
                self._early(env)
        except EarlyStopException as stop:
            return int(stop.best_iteration) + 1
        is_last = self.rounds == env.end_iteration
        is_late = self._plan.until is not None and time.time() >= self._plan.until
        return _TIME_IS_OVER if is_late and not is_last else _GO_ON


def _early_stopping(plan: Plan) -> Any:
    from lightgbm import early_stopping

    if plan.early_stopping_rounds is None:
        return None
    return early_stopping(
        plan.early_stopping_rounds,
        first_metric_only=bool(plan.parameters.get("first_metric_only", False)),
        verbose=False,
        min_delta=plan.parameters.get("early_stopping_min_delta", 0.0),
    )


def _without_ports(model: str) -> str:
    """The model without addresses and ports, which differ from fit to fit.

    >>> _without_ports("[machines: 10.0.0.1:20417,10.0.0.2:31002]\\n[local_listen_port: 20417]\\n[num_machines: 2]")
    '[machines: ]\\n[local_listen_port: 12400]\\n[num_machines: 2]'
    """
    model = re.sub(r"^\[machines: .*\]$", "[machines: ]", model, flags=re.MULTILINE)
    return re.sub(r"^\[local_listen_port: \d+\]$", "[local_listen_port: 12400]", model, flags=re.MULTILINE)
