"""Rows of the audit log. They are added and, when retention ends, removed; the database itself refuses anything else."""

from __future__ import annotations

from typing import Any

from task_server.domain.audit import AuditEvent, AuditFilter
from task_server.domain.clock import Micros
from task_server.domain.owner import Owner
from task_server.store.statement import Row, Statement, rows
from task_server.store.tables.access import AuditRow

_COLUMNS = (
    *("id", "occurred_at", "actor_id", "actor_name", "token_id", "peer", "method", "resource_id"),
    *("outcome", "request_id", "reason", "detail"),
)
_INSERT = Statement("INSERT INTO audit_event ({columns}) VALUES ({values})", _COLUMNS)
_OLDEST = Statement(
    "SELECT id FROM audit_event WHERE id < :before_id AND occurred_at < :before ORDER BY id LIMIT :limit"
)


def append(event: AuditEvent) -> None:
    """Add an event, inside the transaction of what it tells."""
    _INSERT.run(
        id=event.id,
        occurred_at=event.occurred_at,
        actor_id=event.actor.id if event.actor else None,
        actor_name=event.actor.username if event.actor else "",
        token_id=event.token_id,
        peer=event.peer,
        method=event.method,
        resource_id=event.resource_id,
        outcome=event.outcome,
        request_id=event.request_id,
        reason=event.reason,
        detail=event.detail,
    )


def page(wanted: AuditFilter, before_id: str, limit: int) -> list[AuditEvent]:
    """Up to `limit` events that match, newest first, older than `before_id` (empty: from the newest)."""
    query = AuditRow.select(*(getattr(AuditRow, name) for name in _COLUMNS))
    for condition in _conditions(wanted, before_id):
        query = query.where(condition)
    return [_event(row) for row in rows(query.order_by(AuditRow.id.desc()).limit(limit))]


def oldest(before: Micros, before_id: str, limit: int) -> list[str]:
    """The ids of up to `limit` events from before that time, the oldest first."""
    return [event_id for (event_id,) in _OLDEST.all(before=before, before_id=before_id, limit=limit)]


def remove(ids: list[str]) -> int:
    """Remove events; how many of them were there. The database refuses it for events of the last 30 days."""
    return int(AuditRow.delete().where(AuditRow.id.in_(ids)).execute())


def _conditions(wanted: AuditFilter, before_id: str) -> list[Any]:
    found: list[Any] = []
    if before_id:
        found.append(AuditRow.id < before_id)
    if wanted.actor_id:
        found.append(AuditRow.actor_id == wanted.actor_id)
    if wanted.method:
        found.append(AuditRow.method == wanted.method)
    if wanted.start is not None:
        found.append(AuditRow.occurred_at >= wanted.start)
    if wanted.end is not None:
        found.append(AuditRow.occurred_at < wanted.end)
    return found


def _event(row: Row) -> AuditEvent:
    values = dict(zip(_COLUMNS, row, strict=True))
    actor_id, actor_name = values.pop("actor_id"), values.pop("actor_name")
    return AuditEvent(actor=Owner(actor_id, actor_name) if actor_id is not None else None, **values)
