"""In which order executions are listed (AIP-132), and where in that order one stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from task_server.domain.execution import Execution


@dataclass(frozen=True, slots=True)
class By:
    """One field that decides, and which way. Unset values come last either way."""

    field: str
    is_descending: bool = False


#: The first field that differs decides; where none does, the id decides, the same way as the last one.
Order: TypeAlias = tuple[By, ...]
#: Where an execution stands: its value of each field of an order, and its id.
Place: TypeAlias = tuple[Any, ...]

NEWEST: Order = (By("created_at", is_descending=True),)


def is_by_creation(order: Order) -> bool:
    """Whether it is the order of creation, in either direction, which indexes have."""
    return len(order) == 1 and order[0].field == "created_at"


def _duration(execution: Execution) -> int | None:
    begin, end = execution.started_at, execution.finished_at
    return None if begin is None or end is None else end - begin


#: What can be ordered by. Lengths of time and times are microseconds.
ORDER_FIELDS: Mapping[str, Callable[[Execution], Any]] = {
    "created_at": lambda execution: execution.created_at,
    "started_at": lambda execution: execution.started_at,
    "finished_at": lambda execution: execution.finished_at,
    "due_at": lambda execution: execution.due_at,
    "observed_at": lambda execution: execution.observed_at,
    "status": lambda execution: execution.status.value,
    "module": lambda execution: execution.module,
    "task_name": lambda execution: execution.task_name,
    "created_by": lambda execution: execution.owner.id,
    "duration": _duration,
    "retries": lambda execution: execution.retries,
    "id": lambda execution: execution.id,
}


def parse_order(text: str) -> Order:
    """The order of a text such as `finished_at desc, module`; the newest first for the empty one. Raises ValueError."""
    if not text.strip():
        return NEWEST
    order: list[By] = []
    for part in text.split(","):
        field, *direction = part.split()[:3] or [""]
        if field not in ORDER_FIELDS:
            message = f"{field[:40]!r} is no field to order by; there are {', '.join(ORDER_FIELDS)}"
            raise ValueError(message)
        if direction not in ([], ["asc"], ["desc"]):
            message = f"after {field} stands desc, asc or nothing, and then a comma"
            raise ValueError(message)
        if any(by.field == field for by in order):
            message = f"{field} stands twice; once is enough"
            raise ValueError(message)
        order.append(By(field, is_descending=direction == ["desc"]))
    return tuple(order)


def place(execution: Execution, order: Order) -> Place:
    """Where an execution stands in an order."""
    return (*(ORDER_FIELDS[by.field](execution) for by in order), execution.id)
