"""LightGBM as a model's file declares it: parameters, rounds, who trains it, and how a rare class is balanced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.models.barrier_frame import Roles
from aurify.models.barrier_preflight import Asked
from aurify.models.booster import Booster
from aurify.models.class_balance import problems_of_balance
from aurify.models.estimator import Learning
from aurify.models.lightgbm_parameters import MAIN_NAMES, problems_of_parameters, with_main_names
from aurify.models.synapse_parameters import problems_of_passing

BARRIER, SYNAPSE = "barrier", "synapseml"
ENGINES = (BARRIER, SYNAPSE)


@dataclass(frozen=True)
class LightGBM:
    """A binary classifier or a regression by LightGBM; `parameters` are its own, `objective` among them.

    `barrier` trains the installed lightgbm in Spark's Python workers; `synapseml` trains SynapseML's own LightGBM, of
    2023, in the executors' Java, and needs its jar in the session. `balance` is for binary: `scale_pos_weight` of zeros
    to ones as the rows have them, LightGBM's `is_unbalance`, or `class_weights`, which weigh both classes alike.
    """

    parameters: Mapping[str, Any] = field(hash=False)
    rounds: int = 100
    early_stopping_rounds: int | None = None
    engine: str = BARRIER
    balance: str = "none"

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        problems = problems_of_parameters(f"{where}: parameters", self.parameters)
        for name in sorted(name for name in self.parameters if MAIN_NAMES.get(name) == "seed"):
            problems.append(Problem(f"{where}: parameters", "a value", "the model's seed alone", "leave it out", name))
        if self.engine not in ENGINES:
            hint = did_you_mean(self.engine, ENGINES)
            problems.append(Problem(where, f"'{self.engine}'", " or ".join(ENGINES), hint, "engine"))
        if self.engine == SYNAPSE:
            problems += problems_of_passing(f"{where}: parameters", self.parameters)
        for key, number in (("rounds", self.rounds), ("early_stopping_rounds", self.early_stopping_rounds)):
            if number is not None and number < 1:
                problems.append(Problem(where, str(number), "1 or more", key=key))
        return [*problems, *problems_of_balance(where, self.balance, self.parameters)]

    def fit(self, learning: Learning) -> Booster:
        """Train. ConfigurationError, EnvironmentFailure and TrainingStopped are as `barrier_lightgbm.fit` has them."""
        from aurify.models import barrier_lightgbm, synapse_lightgbm

        if found := self.problems("fit"):
            raise ConfigurationError("fit", found)
        parameters = {"seed": learning.seed, **with_main_names(self.parameters)}
        # Without early stopping nobody looks at how a fit goes on other rows.
        validation = learning.validation if self.early_stopping_rounds else None
        roles = Roles(
            learning.features, learning.label, learning.weight, learning.categorical, learning.order_by, None,
            validation is not None,
        )  # fmt: skip
        asked = Asked(
            roles, parameters, learning.workers, self.rounds, self.early_stopping_rounds, learning.time_limit,
            self.balance,
        )  # fmt: skip
        if self.engine == SYNAPSE:
            return Booster(synapse_lightgbm.train(asked, learning.rows, validation), learning.features)
        return Booster(barrier_lightgbm.train(asked, learning.rows, validation).model_text, learning.features)
