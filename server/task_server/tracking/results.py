"""Asking the result backend of a tracked app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from task_server.domain.clock import Micros
from task_server.tracking.seen import Seen

#: How long a backend may take to be reached, and to answer one question. One that takes longer is away.
ANSWER_SECONDS = 2.0


class ResultBackendAway(Exception):
    """The result backend did not answer, or not as one does. The message has nothing of its URL but the kind of error."""


class Results(Protocol):
    """The results of one app. Any thread may ask."""

    def look_up(self, task_ids: Sequence[str]) -> dict[str, Seen]:
        """What is known, by Celery task id; nothing of those that the backend does not know. Raises ResultBackendAway."""

    def stored_since(self, moment: Micros) -> Iterator[list[str]]:
        """The Celery task ids of what was stored from then on, in pages of some hundreds. Raises ResultBackendAway.

        What was stored earlier may be among them, and an id may come twice. No more is read than the pages that are taken.
        """

    def close(self) -> None:
        """Close the connections."""
