"""A server of the tests as a context: started whole, or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

Self = TypeVar("Self", bound="Server")


class Server(ABC):
    """What is started on entering and ended on leaving; where its start fails nothing is left running."""

    def __enter__(self: Self) -> Self:
        """Start it."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self.stop()

    @abstractmethod
    def _start(self) -> None:
        """Start all of it, and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End all of it, also of a start that failed."""
