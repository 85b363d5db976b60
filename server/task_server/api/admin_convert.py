"""What operators see, as messages."""

from __future__ import annotations

from task_manager.v1 import audit_event_pb2, system_status_pb2, token_pb2
from task_server.api.convert import user
from task_server.api.values import timestamp
from task_server.domain.audit import AuditEvent
from task_server.domain.process import Process
from task_server.store.tokens import StoredToken
from task_server.usecases.system_status import SystemStatus


def token(value: StoredToken) -> token_pb2.Token:
    """A token, of whose secret nothing is known here."""
    return token_pb2.Token(
        id=value.id,
        owner=user(value.owner),
        role=value.role.value,
        created_at=timestamp(value.created_at),
        expires_at=timestamp(value.expires_at),
        last_used_at=timestamp(value.last_used_at),
        revoked_at=timestamp(value.revoked_at),
        grants=sorted(value.grants),
        name=value.name,
    )


def audit_event(value: AuditEvent) -> audit_event_pb2.AuditEvent:
    """What somebody changed, or was refused."""
    return audit_event_pb2.AuditEvent(
        id=value.id,
        occurred_at=timestamp(value.occurred_at),
        actor=user(value.actor) if value.actor is not None else None,
        token_id=value.token_id,
        peer=value.peer,
        method=value.method,
        resource_id=value.resource_id,
        outcome=value.outcome,
        request_id=value.request_id,
        reason=value.reason,
        detail=value.detail,
    )


def system_status(value: SystemStatus) -> system_status_pb2.SystemStatus:
    """What runs."""
    return system_status_pb2.SystemStatus(
        version=value.version,
        schema_version=value.schema_version,
        processes=[_process(process, live=process.is_live(value.now)) for process in value.processes],
        queues=[
            system_status_pb2.SystemStatus.Queue(name=name, waiting=depth.waiting, running=depth.running)
            for name, depth in value.queues.items()
        ],
    )


def _process(value: Process, *, live: bool) -> system_status_pb2.SystemStatus.Process:
    return system_status_pb2.SystemStatus.Process(
        name=value.name,
        role=value.role.value,
        version=value.version,
        seen_at=timestamp(value.seen_at),
        isolation_level=value.isolation_level,
        isolation_layers=value.isolation_layers,
        code_refusal=value.code_refusal,
        live=live,
        started_at=timestamp(value.started_at),
        queues=value.queues,
        concurrency=value.concurrency,
    )
