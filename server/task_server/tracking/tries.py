"""Of which try of a run an event tells, where it does not say: of Celery's events only `task-sent` and `task-received` do."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from task_server.domain.status import ExecutionStatus
from task_server.tracking.seen import Seen

#: Runs that are remembered, those that were heard of last.
_MOST_RUNS = 10_000
#: Of one run at once. A worker begins the next try after it told of the last one, or a little before.
_MOST_BEGUN = 8


@dataclass(slots=True)
class _Heard:
    received: int
    #: The tries that began and have not been told to be followed by another one; the last ones, whatever a broker sends.
    begun: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_BEGUN))


class Tries:
    """What one worker process said of its runs. It tells in order of its own: received, started, and how that ended.

    A worker may receive the next try of a run before it tells that the last one is to be followed by another: so each such event is
    of the earliest try that began.
    """

    def __init__(self) -> None:
        #: By run and worker, the one that was heard of last at the end.
        self._heard: dict[tuple[str, str], _Heard] = {}

    def told(self, seen: Seen) -> Seen:
        """What was seen, with the number of its try where that is known."""
        observation, key = seen.observation, (seen.task_id, seen.observation.worker)
        if not observation.worker:
            return seen
        heard = self._heard.pop(key, None)
        if observation.retries is not None:
            self._remember(key, heard, observation.retries)
            return seen
        if heard is None or observation.status.is_terminal:
            return seen
        retries: int | None = None
        if observation.status is ExecutionStatus.STARTED:
            retries = heard.received
            heard.begun.append(retries)
        elif observation.status is ExecutionStatus.RETRY and heard.begun:
            retries = heard.begun.popleft()
        self._heard[key] = heard
        return seen if retries is None else replace(seen, observation=replace(observation, retries=retries))

    def _remember(self, key: tuple[str, str], heard: _Heard | None, retries: int) -> None:
        self._heard[key] = _Heard(retries, heard.begun) if heard else _Heard(retries)
        if len(self._heard) > _MOST_RUNS:
            del self._heard[next(iter(self._heard))]
