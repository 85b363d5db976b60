"""Requests for every RPC of the contract, made from its descriptor: whom or what each addresses, and the same over REST."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote

from google.api import annotations_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from task_manager.v1 import execution_pb2, task_pb2, token_pb2
from task_manager.v1.execution_service_pb2 import RegisterExecutionRequest

CODE = "def f():\n    return 1"
#: Whoever locks something calls itself so.
LOCK_HOLDER = "me"


class Target(Enum):
    """Whose row, or rows, a request is about."""

    OWN = "own"
    FOREIGN = "foreign"
    #: No such row, or no such user.
    UNKNOWN = "unknown"


class Kind(Enum):
    """What a request says about whose rows it means."""

    #: One row, by its id.
    ROW = "row"
    #: The rows of an owner.
    SCOPE = "scope"
    #: Rows within the caller's own that belong to another row.
    FILTER = "filter"
    #: What only the caller's own rows are looked for by: somebody else's of that name is as none.
    NAME = "name"
    #: The owner of what is made.
    ON_BEHALF = "on behalf"
    #: Nothing: it is about the caller's own, or about nobody's.
    NOTHING = "nothing"


@dataclass(frozen=True)
class Address:
    """The field by which a request says it."""

    kind: Kind
    field: str = ""


@dataclass(frozen=True)
class Rows:
    """One row of each kind, of one owner, or what such rows could be called."""

    owner: str
    task_id: str
    execution_id: str
    #: One of another Celery app, registered.
    registered_id: str
    token_id: str
    lock: str
    #: By which the lock was acquired.
    fencing_number: int


def unknown_rows() -> Rows:
    """Names that nothing has."""
    return Rows(
        f"nobody-{uuid.uuid4()}",
        *(str(uuid.uuid4()) for _ in range(3)),
        token_id=uuid.uuid4().hex[:16],
        lock=str(uuid.uuid4()),
        fencing_number=1,
    )


def path(method: MethodDescriptor) -> str:
    """The method as gRPC and the policy name it."""
    return f"/{method.containing_service.full_name}/{method.name}"


def addresses(method: MethodDescriptor) -> list[Address]:
    """All ways in which a request of the method can be about somebody's rows."""
    fields = method.input_type.fields_by_name
    service = method.containing_service.name
    found = []
    if "Register" in method.name:
        return [Address(Kind.ON_BEHALF, "created_by" if "created_by" in fields else "requests")]
    if method.name == "BatchReportExecutions":
        return [Address(Kind.ON_BEHALF, "reports")]
    if method.name == "UpdateTask":
        found.append(Address(Kind.ROW, "task.task_id"))
    if service == "LockService":
        return [Address(Kind.NAME, "name")]
    row = ("task_id",) if service == "TaskService" else ("id", "ids", "task_id")
    found += [Address(Kind.ROW, name) for name in row if name in fields]
    if service in ("TaskService", "ExecutionService"):
        found += [Address(Kind.SCOPE, name) for name in ("created_by", "my_tasks") if name in fields]
    if "parent_task" in fields:
        found.append(Address(Kind.FILTER, "parent_task"))
    return found or [Address(Kind.NOTHING)]


def makes_action(method: MethodDescriptor) -> bool:
    """Whether the method says what a task is to do."""
    tasks = (field.message_type for field in method.input_type.fields)
    return any(kind is task_pb2.Task.DESCRIPTOR for kind in tasks) or method.name == "BatchCreateTasks"


def is_report(method: MethodDescriptor) -> bool:
    """Whether the method says what became of a registered run."""
    return method.name == "UpdateExecutionStatus"


def request(method: MethodDescriptor, address: Address, target: Target, rows: Rows) -> Message:
    """A request that would go well, if its caller may make it and its row is there."""
    message: Any = message_factory.GetMessageClass(method.input_type)()
    _fill(method, message)
    if method.name == "RerunExecutions" and address.kind is Kind.SCOPE:
        # Of the rows here none has failed, so nothing is run.
        message.filter = "status = FAILURE"
    match address.kind, address.field:
        case Kind.ROW, "task.task_id":
            message.task.task_id = rows.task_id
        case Kind.ROW, "ids":
            message.ids.append(rows.execution_id)
        case Kind.ROW, "id" if is_report(method):
            message.id = rows.registered_id
        case Kind.ROW, "id":
            is_token = method.containing_service.name == "AdminService"
            message.id = rows.token_id if is_token else rows.execution_id
        case Kind.ROW, "task_id":
            is_task = method.containing_service.name == "TaskService"
            message.task_id = rows.task_id if is_task else rows.execution_id
        case Kind.NAME, _:
            message.name = rows.lock
            if "fencing_number" in method.input_type.fields_by_name:
                message.fencing_number = rows.fencing_number
        case Kind.SCOPE, "my_tasks":
            message.my_tasks = target is Target.OWN
        case Kind.SCOPE | Kind.ON_BEHALF, "created_by":
            message.created_by = rows.owner
        case Kind.ON_BEHALF, "requests":
            message.requests.add(task_id=str(uuid.uuid4()), task_name="t", module="m", created_by=rows.owner)
        case Kind.ON_BEHALF, "reports":
            message.reports.add().run.MergeFrom(
                RegisterExecutionRequest(task_id=str(uuid.uuid4()), task_name="t", module="m", created_by=rows.owner)
            )
        case Kind.FILTER, _:
            message.parent_task = rows.task_id
    return message  # type: ignore[no-any-return] # made by its class


def _fill(method: MethodDescriptor, message: Any) -> None:
    """What the request needs besides."""
    task = task_pb2.Task(name="t", function_code=CODE, function_name="f", delay_seconds=3600)
    match method.name:
        case "CreateTask":
            message.task.CopyFrom(task)
        case "CreateScheduledTask":
            task.cron_expression = "0 0 1 1 *"
            message.task.CopyFrom(task)
        case "BatchCreateTasks":
            message.requests.add(task=task)
        case "UpdateTask":
            message.task.CopyFrom(task_pb2.Task(function_code=CODE + "  # new", function_name="f"))
            message.update_mask.paths.extend(["function_code", "function_name"])
        case "PreviewSchedule":
            message.cron_expression = "0 0 * * *"
        case "StopTasks":
            # It says how many there are, and stops none: other cells need them.
            message.validate_only = True
        case "RegisterExecution":
            message.task_id, message.task_name, message.module = str(uuid.uuid4()), "t", "m"
        case "UpdateExecutionStatus":
            message.status = execution_pb2.TaskExecution.SUCCESS
        case "CreateToken":
            message.token.CopyFrom(token_pb2.Token(owner=execution_pb2.User(id="made"), role="viewer"))
        case "AcquireLock" | "RenewLock":
            message.owner, message.lease_seconds = LOCK_HOLDER, 60
        case "ReleaseLock":
            message.owner = LOCK_HOLDER


@dataclass(frozen=True)
class Http:
    """The same request over REST."""

    verb: str
    path: str
    query: dict[str, str]
    body: object = None


def http(method: MethodDescriptor, message: Message) -> Http:
    """By the binding in the protos, the first one of whose path all is given."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    values = json_format.MessageToDict(message, preserving_proto_field_name=True)
    if "update_mask" in values:
        # In a query it has the protos' names, in JSON those of JSON.
        values["update_mask"] = ",".join(message.update_mask.paths)  # type: ignore[attr-defined]
    for binding in (rule, *rule.additional_bindings):
        verb = binding.WhichOneof("pattern")
        template = getattr(binding, verb)
        left = json_format.MessageToDict(message, preserving_proto_field_name=True) | values
        filled = _fill_path(template, left)
        if filled is None:
            continue
        if binding.body == "*":
            return Http(verb.upper(), filled, {}, left)
        body = left.pop(binding.body, {}) if binding.body else None
        query = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in left.items()}
        return Http(verb.upper(), filled, query, body)
    raise AssertionError(f"no path of {method.full_name} fits {message}")


def _fill_path(template: str, values: dict[str, Any]) -> str | None:
    """The template with values, which are taken out; None where one is missing."""
    parts = []
    for part in template.split("/"):
        if not part.startswith("{"):
            parts.append(part)
            continue
        *outer, name = part.strip("{}").split(".")
        within = values
        for each in outer:
            within = within.get(each, {})
        if not within.get(name):
            return None
        parts.append(quote(within.pop(name), safe=""))
    return "/".join(parts)
