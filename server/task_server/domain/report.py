"""What is told of runs of other Celery apps: by their own processes, and by whoever follows an app from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from task_server.domain.observation import Observation
from task_server.domain.owner import Owner
from task_server.domain.registration import Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a process of an app saw of a run."""

    #: Celery's id of it.
    task_id: str
    #: Whose run it is; the reporter's own user where that was not said.
    owner: Owner
    #: Whether it was said.
    is_named: bool
    observation: Observation
    #: What is recorded of the run where nothing is yet; None where the process does not know that.
    registration: Registration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What somebody who follows an app saw of a run, without knowing whose it is."""

    #: Celery's id of it.
    task_id: str
    observation: Observation
    #: The Celery task's name; empty where it is not known, and then a run of which nothing is recorded stays so.
    task_name: str = ""
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
