"""The audit log: what callers changed, in the transaction of the change; what was refused, soon after; and reading both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from task_server.domain.audit import DONE, AuditEvent, AuditFilter
from task_server.domain.clock import Micros
from task_server.domain.ids import new_id
from task_server.domain.owner import Caller
from task_server.store import audit
from task_server.store.database import Database


def note(caller: Caller, resource_id: str, now: Micros, detail: str = "") -> None:
    """Add what a caller changes to the audit log, inside the transaction of the change: there is never one without the other.

    Parameters:
        detail: what else helps to understand it, as the names of fields; never their values, which may be secret.
    """
    audit.append(
        AuditEvent(
            id=new_id(),
            occurred_at=now,
            actor=caller.owner,
            token_id=caller.token_id,
            peer=caller.origin.peer,
            method=caller.origin.method,
            resource_id=resource_id,
            outcome=DONE,
            request_id=caller.origin.request_id,
            detail=detail,
        )
    )


def note_many(caller: Caller, resource_ids: Sequence[str], now: Micros, detail: str = "") -> None:
    """Add what a caller changes at once of many rows: one event about the first of them, which says how many more there are.

    An event for each would cost as much as the change itself.
    """
    more = len(resource_ids) - 1
    rest = f"and {more:,} more, up to {resource_ids[-1]}" if more else ""
    note(caller, resource_ids[0], now, "; ".join(filter(None, (detail, rest))))


def users(ids: Iterable[str]) -> str:
    """Users in words, the first of them by name."""
    first, *more = sorted(set(ids))
    return f"user {first!r}" + (f" and {len(more):,} others" if more else "")


def note_command(command: str, resource_id: str, now: Micros, detail: str = "") -> None:
    """Add what a command of this machine changes, as `task-server token create`: whoever reaches the database can."""
    audit.append(
        AuditEvent(
            id=new_id(),
            occurred_at=now,
            actor=None,
            token_id="",
            peer="",
            method=command,
            resource_id=resource_id,
            outcome=DONE,
            request_id="",
            detail=detail,
        )
    )


class Auditing:
    """The use cases of the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, refusals: Sequence[AuditEvent]) -> None:
        """Add what was refused. Raises DatabaseUnavailable; then none was added."""
        with self._database.write():
            for refusal in refusals:
                audit.append(refusal)

    def page(self, wanted: AuditFilter, before_id: str, page_size: int) -> tuple[list[AuditEvent], bool]:
        """One page, newest first, older than `before_id` (empty: from the newest), and whether there are more."""
        with self._database.read():
            found = audit.page(wanted, before_id, page_size + 1)
        return found[:page_size], len(found) > page_size
