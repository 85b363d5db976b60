"""Which runs of other Celery apps are looked up next. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.syncing import LONGEST_PAUSE, PAUSE_DIVISOR, SHORTEST_PAUSE
from task_server.domain.tracked_app import TrackedApp
from task_server.store import records
from task_server.store.statement import Statement

#: The elements of a JSON list, each as `value`.
_SQLITE, _POSTGRESQL = "json_each(:{})", "json_array_elements_text(:{}::json) AS value"


def _lists(text: str, each: str) -> str:
    """The statement with `[name]` replaced by the elements of the list in that parameter, as a database has them."""
    for name in ("names", "prefixes", "earlier_names", "earlier_prefixes", "owners", "ids", "task_ids"):
        text = text.replace(f"[{name}]", each.format(name))
    return text


def _statement(text: str, columns: Iterable[str] = ()) -> Statement:
    greatest = text.replace("MAX(", "GREATEST(").replace("MIN(", "LEAST(").replace("[locked]", "FOR UPDATE SKIP LOCKED")
    return Statement(_lists(text.replace("[locked]", ""), _SQLITE), columns, postgresql=_lists(greatest, _POSTGRESQL))


_PUT_OFF = (
    "UPDATE execution SET sync_count = sync_count + 1, sync_after = :now + "
    "MAX(:shortest, MIN(:longest, (:now - created_at) / :divisor))"
)
#: The rule of `domain.tracked_app.app_of`.
_BELONGS = """
    (app = :app OR (app = '' AND (:takes_all = 1 OR ((
        module IN (SELECT value FROM [names])
        OR EXISTS (SELECT 1 FROM [prefixes] WHERE substr(module, 1, length(value)) = value)
    ) AND NOT (
        module IN (SELECT value FROM [earlier_names])
        OR EXISTS (SELECT 1 FROM [earlier_prefixes] WHERE substr(module, 1, length(value)) = value)
    )))))
    AND (:any_owner = 1 OR owner_id IN (SELECT value FROM [owners]))"""
#: What is due after a position, and whether it is the app's.
_DUE = _statement(
    f"SELECT sync_after, id, CASE WHEN {_BELONGS} THEN 1 ELSE 0 END FROM execution "  # noqa: S608 - parameters
    "WHERE sync_after >= :after AND sync_after <= :now AND (sync_after > :after OR id > :after_id) "
    "ORDER BY sync_after, id LIMIT :limit"
)
_CLAIM = _statement(
    f"{_PUT_OFF} WHERE id IN (SELECT id FROM execution WHERE id IN (SELECT value FROM [ids]) "  # noqa: S608 - parameters
    "AND sync_after <= :now [locked]) RETURNING {columns}",
    records.EXECUTION,
)
_PUT_OFF_THESE = _statement(
    _PUT_OFF + " WHERE id IN (SELECT id FROM execution "  # noqa: S608 - parameters
    "WHERE id IN (SELECT value FROM [ids]) AND sync_after IS NOT NULL [locked])"
)
_UNFINISHED = Statement(
    "SELECT {columns} FROM execution WHERE sync_after IS NOT NULL ORDER BY sync_after LIMIT :limit", records.EXECUTION
)
# By the owner's few that have not ended, and not by everybody's.
_UNFINISHED_OF_OWNER = Statement(
    "SELECT {columns} FROM execution WHERE owner_id = :owner_id AND status IN ('PENDING', 'STARTED', 'RETRY') "
    "AND +sync_after IS NOT NULL ORDER BY sync_after LIMIT :limit",
    records.EXECUTION,
)
_UNASKED = Statement(
    "SELECT {columns} FROM execution WHERE sync_after <= :before ORDER BY sync_after LIMIT :limit", records.EXECUTION
)
_KNOWN = _statement(
    "SELECT DISTINCT registered_task_id FROM execution "  # noqa: S608 - parameters
    "WHERE registered_task_id IN (SELECT value FROM [task_ids]) AND" + _BELONGS
)


class Position(NamedTuple):
    """A place in the order in which runs are due."""

    sync_after: Micros
    id: str


#: Before all of them.
FIRST = Position(0, "")


class Due(NamedTuple):
    """A run that is due to be looked up."""

    position: Position
    #: Whether it is the app's that was asked about.
    belongs: bool


def due(app: TrackedApp, apps: Sequence[TrackedApp], after: Position, now: Micros, limit: int) -> list[Due]:
    """Up to `limit` runs that are due, of whatever app, in their order after a position.

    `apps` are all that are configured: a run that names none is that of the first whose modules have it.
    """
    rows = _DUE.all(after=after.sync_after, after_id=after.id, now=now, limit=limit, **_belonging(app, apps))
    return [Due(Position(sync_after, run_id), bool(belongs)) for sync_after, run_id, belongs in rows]


def claim(ids: Iterable[str], now: Micros) -> list[Execution]:
    """Those of the runs that are due to be looked up still, put off at once: whoever else asks gets others."""
    return [records.execution(row) for row in _CLAIM.all(ids=json.dumps(list(ids)), **_pause(now))]


def put_off(ids: Iterable[str], now: Micros) -> None:
    """Note that runs were looked up, but for those that somebody else changes at this moment."""
    _PUT_OFF_THESE.run(ids=json.dumps(list(ids)), **_pause(now))


def unfinished(owner_id: str | None, limit: int) -> list[Execution]:
    """Up to `limit` runs of other apps that have not ended, of an owner, None for all owners: those first that were due first."""
    everybodys = owner_id is None
    rows = _UNFINISHED.all(limit=limit) if everybodys else _UNFINISHED_OF_OWNER.all(owner_id=owner_id, limit=limit)
    return [records.execution(row) for row in rows]


def unasked(before: Micros, limit: int) -> list[Execution]:
    """Up to `limit` runs that were to be looked up before then, and that nobody has."""
    return [records.execution(row) for row in _UNASKED.all(before=before, limit=limit)]


def known(task_ids: Iterable[str], app: TrackedApp, apps: Sequence[TrackedApp]) -> set[str]:
    """Those of the Celery task ids under which somebody registered a run of that app; `apps` are all that are configured."""
    found = _KNOWN.all(task_ids=json.dumps(list(task_ids)), **_belonging(app, apps))
    return {task_id for (task_id,) in found}


def _belonging(app: TrackedApp, apps: Sequence[TrackedApp]) -> dict[str, Any]:
    earlier = [pattern for other in apps[: apps.index(app)] for pattern in other.modules]
    return {
        "app": app.name,
        "takes_all": int(len(apps) == 1 and not app.modules),
        "any_owner": int(not app.owners),
        "owners": json.dumps(app.owners),
        **_patterns("", app.modules),
        **_patterns("earlier_", earlier),
    }


def _patterns(prefix: str, patterns: Sequence[str]) -> dict[str, str]:
    return {
        f"{prefix}names": json.dumps([each for each in patterns if not each.endswith("*")]),
        f"{prefix}prefixes": json.dumps([each[:-1] for each in patterns if each.endswith("*")]),
    }


def _pause(now: Micros) -> dict[str, Any]:
    return {"now": now, "shortest": SHORTEST_PAUSE, "longest": LONGEST_PAUSE, "divisor": PAUSE_DIVISOR}
