"""Processes that say that they are there."""

from __future__ import annotations

from dataclasses import replace

from task_server.domain.process import ProcessRole
from task_server.usecases.ports import Ports
from task_server.usecases.presence import Presence, this_process

REFUSAL = "seccomp is not to be had on this kernel"


def appear(ports: Ports, role: ProcessRole, name: str = "", **said) -> Presence:
    """Store the row of a process; it is not renewed."""
    process = this_process(role, **said)
    presence = Presence(ports.database, replace(process, name=name or process.name))
    presence.beat()
    return presence


def appear_worker(ports: Ports, name: str = "w1", refusal: str = "", queues=("default",)) -> Presence:
    return appear(ports, ProcessRole.WORKER, name, queues=queues, concurrency=4, code_refusal=refusal)


def appear_scheduler(ports: Ports) -> Presence:
    return appear(ports, ProcessRole.SCHEDULER)
