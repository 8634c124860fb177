"""The Spark session: the one that is there, or one that is started with everything pinned."""

from aurify.session.spark import open_session, running_session, stop, work_session

__all__ = ["open_session", "running_session", "stop", "work_session"]
