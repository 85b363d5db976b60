"""Rows of sealed secrets. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from task_server.domain.secret import SealedSecret, SecretKind
from task_server.domain.task import Task
from task_server.store.statement import Statement
from task_server.store.tables.tasks import SealedSecretRow

_COLUMNS = ("task_id", "kind", "name", "key_id", "sealed")
_PUT = Statement(
    "INSERT INTO sealed_secret ({columns}) VALUES ({values}) "
    "ON CONFLICT (task_id, kind, name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed",
    _COLUMNS,
)
_OF_TASK = Statement("SELECT kind, name, key_id, sealed FROM sealed_secret WHERE task_id = :task_id")
_REMOVE = Statement("DELETE FROM sealed_secret WHERE task_id = :task_id AND kind = :kind AND name = :name")
_REMOVE_ALL = Statement("DELETE FROM sealed_secret WHERE task_id = :task_id")
_COUNTS = Statement("SELECT key_id, count(*) FROM sealed_secret GROUP BY key_id")
# The owner is the task's: it is part of what a secret was sealed for.
_UNDER_OTHER_KEYS = Statement(
    "SELECT t.owner_id, s.task_id, s.kind, s.name, s.key_id, s.sealed FROM sealed_secret s JOIN task t ON t.task_id = s.task_id "
    "WHERE s.key_id <> :key_id AND (s.task_id, s.kind, s.name) > (:task_id, :kind, :name) "
    "ORDER BY s.task_id, s.kind, s.name LIMIT :limit"
)
_RESEAL = Statement(
    "UPDATE sealed_secret SET key_id = :key_id, sealed = :sealed "
    "WHERE task_id = :task_id AND kind = :kind AND name = :name AND sealed = :before"
)


def put(secrets: Iterable[SealedSecret]) -> None:
    """Store secrets, each in the place of the one that has its name."""
    for secret in secrets:
        _PUT.run(
            task_id=secret.task_id,
            kind=secret.kind.value,
            name=secret.name,
            key_id=secret.key_id,
            sealed=secret.sealed,
        )


def of_task(task: Task) -> tuple[SealedSecret, ...]:
    """The secrets of a task."""
    return tuple(
        SealedSecret(
            owner_id=task.owner.id, task_id=task.task_id, kind=SecretKind(kind), name=name, key_id=key_id, sealed=sealed
        )
        for kind, name, key_id, sealed in _OF_TASK.all(task_id=task.task_id)
    )


def remove(task_id: str, fields: Iterable[tuple[SecretKind, str]]) -> None:
    """Remove those secrets of a task."""
    for kind, name in fields:
        _REMOVE.run(task_id=task_id, kind=kind.value, name=name)


def remove_all(task_id: str) -> None:
    """Remove all secrets of a task."""
    _REMOVE_ALL.run(task_id=task_id)


def remove_of_tasks(task_ids: Collection[str]) -> None:
    """Remove all secrets of the tasks."""
    SealedSecretRow.delete().where(SealedSecretRow.task_id.in_(task_ids)).execute()


def counts() -> dict[str, int]:
    """How many secrets there are, by the key that they are sealed with."""
    return {key_id: int(number) for key_id, number in _COUNTS.all()}


def under_other_keys(key_id: str, after: tuple[str, str, str], limit: int) -> list[SealedSecret]:
    """Up to `limit` secrets that are sealed with another key, after (task, kind, name), in that order."""
    task_id, kind, name = after
    found = _UNDER_OTHER_KEYS.all(key_id=key_id, task_id=task_id, kind=kind, name=name, limit=limit)
    return [
        SealedSecret(owner_id=owner, task_id=task, kind=SecretKind(kind), name=name, key_id=key, sealed=sealed)
        for owner, task, kind, name, key, sealed in found
    ]


def reseal(before: SealedSecret, after: SealedSecret) -> bool:
    """Store a secret that was sealed anew. False where it has become another one, or is gone, since it was read."""
    return bool(
        _RESEAL.run(
            key_id=after.key_id,
            sealed=after.sealed,
            task_id=before.task_id,
            kind=before.kind.value,
            name=before.name,
            before=before.sealed,
        )
    )
