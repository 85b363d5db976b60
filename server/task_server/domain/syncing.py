"""How often the result backend of a run of another Celery app is asked, and when its fate counts as unknown."""

from __future__ import annotations

from task_server.domain.clock import SECOND, Micros, iso
from task_server.domain.execution import Execution
from task_server.domain.observation import Observation, Source
from task_server.domain.status import ExecutionStatus, FailureReason

#: The shortest and the longest time between two questions.
SHORTEST_PAUSE: Micros = 5 * SECOND
LONGEST_PAUSE: Micros = 3600 * SECOND
#: In between it is this part of the run's age: what becomes of it is known late by no more than that.
PAUSE_DIVISOR = 4


def seen_at(execution: Execution) -> Micros:
    """When somebody saw the run last: that it stands where it stands, or that there is such a run."""
    return max(execution.observed_at or 0, execution.created_at)


def is_news(execution: Execution, observation: Observation, now: Micros) -> bool:
    """Whether what a backend says of an unfinished run is worth storing: a change, or that it was seen again after a long time."""
    return (
        observation.status is not execution.status
        or (observation.retries or 0) > execution.retries
        or any(execution.metadata.get(name) != value for name, value in observation.metadata.items())
        or seen_at(execution) <= now - LONGEST_PAUSE
    )


def vanished(execution: Execution, *, was_asked: bool) -> Observation:
    """The end of a run that nobody has seen for too long. `was_asked` means that its result backend does not know it."""
    backend = "its result backend does not know it" if was_asked else "no result backend could be asked about it"
    return Observation(
        status=ExecutionStatus.FAILURE,
        source=Source.ABSENCE,
        error=f"nobody has seen this run since {iso(seen_at(execution))}, and {backend}; whether it ran is not known",
        failure_reason=FailureReason.OUTCOME_UNKNOWN,
    )
