"""The trials of one search as Optuna keeps them, so that a search that was killed goes on where it was.

What is drawn for a trial depends on the seed, its number and the trials that ended before, not on the process: each
number has a sampler of its own.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from aurify.errors import ConfigurationError
from aurify.models.search.declared import Search
from aurify.models.search.paths import Scalar
from aurify.models.search.trial import Trial
from aurify.publish.lease import Lease
from aurify.storage import Storage

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

FILE = "trials.sqlite"
FEWEST_FOR_IMPORTANCE = 10
# What Optuna keeps beside a trial's values.
_TURN, _BY_FOLD, _REASON, _AGAIN = "turn", "by_fold", "reason", "again"


@contextmanager
def opened(store: str | Path, name: str, declared: Search, lower_is_better: bool) -> Iterator[Kept]:
    """The search of this name in a folder, or in a database that SQLAlchemy has a URL for.

    One process at a time: a folder has a lease, of a database the caller sees to it.
    """
    import optuna

    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if "://" not in str(store):
            stack.enter_context(Lease(Storage(), f"{store}/{name}", uuid4().hex))
        storage = _storage(store, name)
        stack.callback(storage.engine.dispose)
        stack.callback(storage.remove_session)
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="minimize" if lower_is_better else "maximize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(),  # each trial brings its own
            pruner=optuna.pruners.MedianPruner() if declared.pruning else optuna.pruners.NopPruner(),
        )
        yield Kept(study, declared)


@contextmanager
def _quiet() -> Iterator[None]:
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _storage(store: str | Path, name: str) -> RDBStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import ArgumentError

    if "://" in str(store):
        try:
            return RDBStorage(str(store))
        except (ArgumentError, ImportError) as error:
            found, hint = f"{type(error).__name__}: {error}", "a folder that all runs see does for one run at a time"
            raise ConfigurationError.of("search: store", found, "a folder, or a database's URL", hint) from error
    folder = Path(store, name)
    folder.mkdir(parents=True, exist_ok=True)
    return RDBStorage(f"sqlite:///{folder / FILE}")


class Kept:
    """The trials of one search. Threads may call it at once: it lets one of them in at a time."""

    def __init__(self, study: optuna.Study, declared: Search) -> None:
        self._study = study
        self._lock = threading.Lock()
        self._turns = declared.turns
        self._distributions = {path: values.distribution() for path, values in sorted(declared.space.items())}
        self._given = dict(enumerate(declared.grid)) if declared.sampler == "grid" else {}
        self._samplers = _samplers(declared)
        self._end_stale()

    def _end_stale(self) -> None:
        """Trials that a killed run left are dropped; whatever is to be done again gets the same values."""
        from optuna.trial import TrialState

        while self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.ask()  # put in and never begun: now it is running, without a number
        for stale in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(stale.number, state=TrialState.FAIL)
        for failed in self._study.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
            is_whole = _TURN in failed.user_attrs and failed.params.keys() == self._distributions.keys()
            if is_whole and (_was_dropped(failed) or failed.user_attrs[_AGAIN]):
                self._given[failed.user_attrs[_TURN]] = dict(failed.params)

    def left(self) -> list[int]:
        """The numbers of the trials that are still to be done."""
        done = {turn for turn, found in self._ended().items() if not found.user_attrs.get(_AGAIN)}
        return [turn for turn in range(self._turns) if turn not in done]

    def trials(self) -> list[Trial]:
        """All that have ended, by their numbers."""
        with self._lock:
            return [_told(found) for _, found in sorted(self._ended().items())]

    def begin(self, turn: int) -> optuna.Trial:
        """Draw the values of a trial."""
        with self._lock:
            self._study.sampler = self._samplers[turn]
            if turn in self._given:
                self._study.enqueue_trial(dict(self._given[turn]))
            trial = self._study.ask(self._distributions)
            trial.set_user_attr(_TURN, turn)
            return trial

    def is_hopeless(self, trial: optuna.Trial, by_fold: list[float]) -> bool:
        """Whether a trial is pruned that has these values so far."""
        with self._lock:
            trial.report(sum(by_fold) / len(by_fold), len(by_fold))
            return trial.should_prune()

    def end(self, trial: optuna.Trial, by_fold: list[float], state: Literal["finished", "pruned"]) -> Trial:
        """A trial is through with all folds, or need not go on."""
        from optuna.trial import TrialState

        with self._lock:
            trial.set_user_attr(_BY_FOLD, by_fold)
            if state == "pruned":
                return _told(self._study.tell(trial, state=TrialState.PRUNED))
            return _told(self._study.tell(trial, sum(by_fold) / len(by_fold)))

    def fail(self, trial: optuna.Trial, reason: str, again: bool) -> Trial:
        """A trial has failed; `again` where another run is to do it again."""
        from optuna.trial import TrialState

        with self._lock:
            trial.set_user_attr(_REASON, reason)
            trial.set_user_attr(_AGAIN, again)
            return _told(self._study.tell(trial, state=TrialState.FAIL))

    def drop(self, trial: optuna.Trial) -> None:
        """A trial ends without a word on its values; another run does it again."""
        from optuna.trial import TrialState

        with self._lock:
            self._study.tell(trial, state=TrialState.FAIL)

    def importance(self) -> dict[str, float]:
        """See `Searched`."""
        from importlib.util import find_spec

        import optuna

        finished = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        too_few = len(finished) < FEWEST_FOR_IMPORTANCE or len({trial.value for trial in finished}) == 1
        if too_few or find_spec("sklearn") is None:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        return optuna.importance.get_param_importances(self._study, evaluator=evaluator)

    def _ended(self) -> dict[int, FrozenTrial]:
        """The last trial of each number, unless it was dropped."""
        ended = (t for t in self._study.get_trials(deepcopy=False) if t.state.is_finished() and not _was_dropped(t))
        return {t.user_attrs[_TURN]: t for t in ended if t.user_attrs[_TURN] < self._turns}


def _was_dropped(trial: FrozenTrial) -> bool:
    return trial.state.name == "FAIL" and _REASON not in trial.user_attrs


def _samplers(declared: Search) -> list[BaseSampler]:
    """One for each trial, made before there are threads: a filter of warnings counts for all of them."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import RandomSampler, TPESampler

    if declared.sampler != "tpe":
        return [RandomSampler(_seed(declared.seed, turn)) for turn in range(declared.turns)]
    is_parallel = declared.side_by_side > 1
    with warnings.catch_warnings():
        # In Optuna since 2.8; without it trials side by side draw nearly the same values.
        warnings.filterwarnings("ignore", "Argument ``constant_liar``", ExperimentalWarning)
        return [
            TPESampler(seed=_seed(declared.seed, turn), constant_liar=is_parallel) for turn in range(declared.turns)
        ]


def _seed(seed: int, turn: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {turn}".encode()).digest()[:4], "big")


def _told(found: FrozenTrial) -> Trial:
    assert found.datetime_start is not None
    assert found.datetime_complete is not None
    states: dict[str, Literal["finished", "pruned", "failed"]] = {"COMPLETE": "finished", "PRUNED": "pruned"}
    state = states.get(found.state.name, "failed")
    values: Mapping[str, Scalar] = dict(found.params)
    return Trial(
        number=found.user_attrs[_TURN],
        values=values,
        value=found.value if state == "finished" else None,
        by_fold=tuple(found.user_attrs.get(_BY_FOLD, ())),
        state=state,
        began=found.datetime_start.astimezone(timezone.utc),
        seconds=(found.datetime_complete - found.datetime_start).total_seconds(),
        reason=found.user_attrs.get(_REASON, ""),
    )
