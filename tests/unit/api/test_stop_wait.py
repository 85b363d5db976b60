"""StopTask waits for what it stopped: told by the stream of changes, and where that is silent or ends, by the rows."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import pytest

from task_server.api.stop_wait import await_ends
from task_server.api.watch import Subscription
from task_server.domain.errors import ServerStopping
from task_server.domain.event import Event, EventType, Position
from task_server.domain.execution import Execution
from task_server.domain.owner import Owner
from task_server.domain.status import ExecutionStatus


def run(status: ExecutionStatus, execution_id: str = "e1") -> Execution:
    required: dict[str, Any] = {
        "id": execution_id,
        "task_id": "t",
        "parent_task": "p",
        "owner": Owner("ann", "Ann"),
        "status": status,
    }
    missing = {
        field.name: {"int": 0, "str": ""}.get(str(field.type), 0)
        for field in dataclasses.fields(Execution)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return Execution(**missing | required)


class Rows:
    """What the rows say, and how often they were asked."""

    def __init__(self, *answers: Mapping[str, Execution]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def look(self, ids: list[str]) -> Mapping[str, Execution]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


GOES_ON = {"e1": run(ExecutionStatus.STARTED)}
HAS_ENDED = {"e1": run(ExecutionStatus.REVOKED)}


async def test_an_end_that_is_told_costs_no_look() -> None:
    subscription, rows = Subscription(Position(0, 0)), Rows(GOES_ON)
    subscription.offer(_event(run(ExecutionStatus.STARTED)))
    subscription.offer(_event(run(ExecutionStatus.REVOKED)))
    await await_ends(subscription, ["e1"], 20, rows.look)
    assert rows.asked == 0


async def test_an_end_that_nobody_tells_is_found() -> None:
    rows = Rows(GOES_ON, GOES_ON, HAS_ENDED)
    began = time.monotonic()
    await await_ends(Subscription(Position(0, 0)), ["e1"], 20, rows.look)
    assert rows.asked == 3
    assert time.monotonic() - began < 15


async def test_the_wait_goes_on_when_the_server_ends_its_watches() -> None:
    subscription, rows = Subscription(Position(0, 0)), Rows(GOES_ON, HAS_ENDED)
    subscription.end(ServerStopping())
    await await_ends(subscription, ["e1"], 20, rows.look)
    assert rows.asked == 2


@pytest.mark.parametrize("running", [["e1"], []])
async def test_nothing_is_waited_for_longer_than_asked(running: list[str]) -> None:
    began = time.monotonic()
    await await_ends(Subscription(Position(0, 0)), running, 0.3, Rows(GOES_ON).look)
    took = time.monotonic() - began
    assert (took >= 0.3) is bool(running)
    assert took < 15


def _event(execution: Execution) -> Event:
    fields: dict[str, Any] = {field.name: None for field in dataclasses.fields(Event)}
    return Event(**fields | {"position": Position(1, 1), "type": next(iter(EventType)), "execution": execution})
