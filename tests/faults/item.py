"""What a plan consists of: tasks that will be created, and what is done to each."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: The states a run may end in.
SUCCESS, FAILURE, REVOKED = "SUCCESS", "FAILURE", "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that is done to a task after it was created."""

    #: "stop", "delete", "run", "repeat" (the same create again), "pause" (and resume), "update", or "stop module" (all that
    #: are in the item's module).
    what: str
    #: What `seconds` count from: "created", or "started" as the watcher sees it.
    after: str = "created"
    seconds: float = 0.0
    #: How long a pause lasts.
    lasts: float = 0.0
    #: To which version of the item an update leads.
    version: int = 0
    #: Whether an update is made of the task as it was read, or of whatever it is.
    with_etag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A task that will be created. Its key is its name, and the name of its calls in the ledger."""

    key: str
    #: Seconds from the beginning of the load.
    at: float
    kind: str
    #: What `create_task` is given. `api_url` is a path at the sink.
    fields: dict[str, Any]
    #: How its runs end when nobody stops them.
    ends: str = SUCCESS
    failure_reason: str = ""
    #: What a successful code run returns.
    result: Any = None
    #: What one run prints.
    prints: str = ""
    deeds: tuple[Deed, ...] = ()
    #: Cron: the seconds of each minute at which it fires.
    seconds_of_minute: tuple[int, ...] = ()
    #: Cron: by its overlap policy a later firing may stop it.
    is_cut_short: bool = False
    #: How long an answer asks to wait before the next try, in seconds.
    retry_after: float = 0.0
    #: Cron: it ends so many seconds after it was created; 0 for one that `max_runs` ends.
    ends_after: float = 0.0
    #: What an update changes, by version; version 0 is `fields`. A run of one says its version in all that it has of it.
    versions: tuple[dict[str, Any], ...] = ()
    #: Cron: the seconds of each minute at which it fires once it was updated.
    later_seconds: tuple[int, ...] = ()

    @property
    def has_deadline(self) -> bool:
        """Whether its runs may end because their time is over."""
        return "deadline_seconds" in self.fields


class Dice(random.Random):
    """Chance, and how long anything may take that chance makes."""

    #: The longest delay, in seconds; runs and schedules are bounded by it too.
    longest: float


@dataclass(slots=True)
class Draft:
    """What a kind says of an item."""

    fields: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)


Kind = Callable[[Dice, str], Draft]


#: The queue that all workers but the narrow ones serve, and that of a worker with few threads, where runs wait for one another.
DEFAULT_QUEUE, NARROW_QUEUE = "default", "narrow"


def code(body: str, *args: Any) -> dict[str, Any]:
    names = ", ".join("abc"[: len(args)])
    source = f"import time\ndef main({names}):\n    {body}\n"
    return {"function_code": source, "function_name": "main", "task_args": list(args)}


def versioned(version: int, body: str = "pass") -> dict[str, Any]:
    """Code whose run says its version twice: once by its text and once by its argument; and the execution a third time."""
    fields = code(f"{body}\n    return [a, {version}]", version)
    return {**fields, "metadata": {"version": version}}


def call(key: str, path: str = "call", *arguments: object) -> dict[str, Any]:
    return {"api_url": "/".join(map(str, ("", path, key, *arguments))), "method": "POST"}


def action(rng: Dice, key: str) -> dict[str, Any]:
    return call(key) if rng.random() < 0.7 else code("return a", 1)


def backoff(rng: Dice, most: int) -> dict[str, float]:
    """A retry policy with `most` retries, soon after one another."""
    return {
        "max_retries": most,
        "initial_backoff": round(rng.uniform(0.05, 0.8), 2),
        "backoff_multiplier": 1.5,
        "max_backoff": 2.0,
        "jitter": rng.choice([0.0, 0.5]),
    }
