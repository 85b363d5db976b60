"""What was seen of a run, by an event or in a result backend, with what is needed to record it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from celery.utils.saferepr import saferepr

from task_server.domain.observation import Observation
from task_server.domain.report import Sighting
from task_server.tracking.redaction import redacted
from task_server.tracking.untrusted_json import text

#: As many characters as Celery's own result tables keep of an id and of a name.
_MAX_ID = MAX_NAME = 155
_MAX_ARGUMENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one event, or one result, says of a run."""

    #: Celery's id of it.
    task_id: str
    observation: Observation
    #: The Celery task's name; empty where nothing was said of it.
    task_name: str = ""
    #: The arguments as `arguments_of` has them: for a run of which nobody has registered more.
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        said = self.observation
        texts = (said.error, said.traceback, said.result_json or "", *self.arguments.values())
        return 1000 + sum(map(len, texts))

    def unregistered(self) -> Sighting:
        """As it is told of a run that nobody has registered."""
        observation = replace(self.observation, metadata=self.arguments | self.observation.metadata)
        return Sighting(task_id=self.task_id, observation=observation, task_name=self.task_name)


def is_task_id(value: Any) -> TypeGuard[str]:
    """Whether it can be Celery's id of a run."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID and value.isprintable()


def arguments_of(args: Any, kwargs: Any) -> dict[str, str]:
    """Arguments as Celery's events print them, cut, without what looks like a secret; without what is not known.

    An event has the text, a result the values themselves.
    """
    printed = {"celery_args": _printed(args), "celery_kwargs": _printed(kwargs)}
    return {name: said for name, said in printed.items() if said}


def _printed(value: Any) -> str:
    if value is None:
        return ""
    # More than is kept, so that no secret whose name is kept is cut before its end is found.
    said = value if isinstance(value, str) else saferepr(value, 2 * _MAX_ARGUMENTS)
    return redacted(text(said, 2 * _MAX_ARGUMENTS))[:_MAX_ARGUMENTS]
