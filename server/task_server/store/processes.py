"""Rows of processes. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

import json

from task_server.domain.clock import Micros
from task_server.domain.process import Process, ProcessRole
from task_server.store.records import dumps, fields
from task_server.store.statement import Statement

_COLUMNS = (
    "name",
    "role",
    "version",
    "host",
    "pid",
    "started_at",
    "seen_at",
    "queues",
    "concurrency",
    "isolation_level",
    "isolation_layers",
    "code_refusal",
)
_INSERT = Statement("INSERT INTO process ({columns}) VALUES ({values})", _COLUMNS)
_RENEW = Statement("UPDATE process SET seen_at = :seen_at WHERE name = :name")
_REMOVE = Statement("DELETE FROM process WHERE name = :name")
_REMOVE_UNSEEN = Statement("DELETE FROM process WHERE seen_at < :before")
_SEEN = Statement("SELECT {columns} FROM process WHERE seen_at >= :since ORDER BY role, name", _COLUMNS)


def insert(process: Process) -> None:
    """Store a process."""
    _INSERT.run(
        **fields(process)
        | {
            "role": process.role.value,
            "queues": dumps(process.queues),
            "isolation_layers": dumps(process.isolation_layers),
        }
    )


def renew(name: str, seen_at: Micros) -> bool:
    """Note that a process was heard of. False when there is no row of it."""
    return _RENEW.run(name=name, seen_at=seen_at) == 1


def remove(name: str) -> None:
    """Forget a process that has ended."""
    _REMOVE.run(name=name)


def remove_unseen(before: Micros) -> int:
    """Forget the processes that were last heard of before then; return how many."""
    return _REMOVE_UNSEEN.run(before=before)


def seen(since: Micros = 0) -> list[Process]:
    """The processes that were heard of since then, by role and name."""
    found = []
    for row in _SEEN.all(since=since):
        values = dict(zip(_COLUMNS, row, strict=True))
        lists = {name: tuple(json.loads(values[name])) for name in ("queues", "isolation_layers")}
        found.append(Process(**values | lists | {"role": ProcessRole(values["role"])}))
    return found
