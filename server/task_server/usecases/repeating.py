"""Requests that may come twice (AIP-155): what makes executions makes none again, and answers with those of then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from task_server.domain.clock import Micros
from task_server.domain.errors import RequestIdReused
from task_server.domain.owner import Caller
from task_server.domain.repeatable import Repeatable
from task_server.store import requests
from task_server.store.database import Database, DuplicateKeyError

T = TypeVar("T")


def once(database: Database, request: Repeatable, work: Callable[[], T]) -> T:
    """Do `work` as one transaction, which looks for the request first and remembers it at last.

    Where the same id came at the same moment, and was faster, it is done anew, and finds what that one made.
    """
    try:
        with database.write():
            return work()
    except DuplicateKeyError:
        if not request.request_id:
            raise
    with database.write():
        return work()


def made_before(caller: Caller, request: Repeatable) -> list[str] | None:
    """The ids of the executions that the same request has made; None where it is new.

    To be asked within the transaction, once whatever the request changes is locked: then no other one is at it. Raises
    RequestIdReused.
    """
    found = requests.find(caller.owner.id, request.request_id) if request.request_id else None
    if found is None:
        return None
    if found.digest != request.digest:
        raise RequestIdReused(request.request_id)
    return found.execution_ids


def remember(caller: Caller, request: Repeatable, execution_ids: Sequence[str], now: Micros) -> None:
    """Note, within the transaction, what the request made."""
    if request.request_id:
        requests.insert(caller.owner.id, request, execution_ids, now)
