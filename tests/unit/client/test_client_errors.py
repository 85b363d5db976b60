from __future__ import annotations

import pickle
import threading
from typing import Any

import grpc
import pytest
from client_harness import REQUEST_ID, Servicer, refuse
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo

import task_manager
from task_manager import errors
from task_manager.v1.error_reason_pb2 import ErrorReason
from task_manager.v1.task_service_pb2 import StopTaskResponse

REASONS = [name for name, number in ErrorReason.items() if number]


class Refusing(Servicer):
    """Answers StopTask with one error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._error = args, kwargs

    def StopTask(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        args, kwargs = self._error
        refuse(context, *args, **kwargs)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_the_contract_has_a_documented_public_class(reason: str) -> None:
    cls = errors.BY_REASON[reason]
    assert cls.__name__.lower() == reason.replace("_", "").lower()
    assert cls.__doc__
    assert cls.__name__ in task_manager.__all__


def test_all_error_classes_are_public() -> None:
    classes = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert {each.__name__ for each in classes} <= set(task_manager.__all__)


@pytest.mark.parametrize("cls", [*errors.BY_REASON.values(), task_manager.WaitTimeout, task_manager.TaskNeverEnds])
def test_an_error_crosses_a_process_boundary_whole(cls: type[errors.TaskManagerError]) -> None:
    error = cls("No.", reason="R", metadata={"a": "b"}, violations=[errors.FieldViolation("f", "d")], request_id="x")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert vars(copy) == vars(error)
    assert str(copy) == "No.\n  f: d"


@pytest.mark.parametrize("reason", REASONS)
async def test_a_reason_becomes_its_class_with_all_that_the_answer_said(reason: str, serve: Any, connect: Any) -> None:
    server = serve(Refusing(grpc.StatusCode.ABORTED, reason, message="Not so.", task_id="t1"))
    client = await connect(server.address)
    with pytest.raises(task_manager.TaskManagerError) as caught:
        await client.call("stop", "t1")
    assert type(caught.value) is errors.BY_REASON[reason]
    assert caught.value.message == "Not so."
    assert caught.value.code is grpc.StatusCode.ABORTED
    assert caught.value.reason == reason
    assert caught.value.metadata == {"task_id": "t1"}
    assert caught.value.violations == []
    assert caught.value.retry_after is None
    assert caught.value.request_id == REQUEST_ID
    assert isinstance(caught.value.__cause__, grpc.RpcError)


async def test_invalid_fields_lists_all_violations(serve: Any, connect: Any) -> None:
    violations = [
        BadRequest.FieldViolation(field="task.name", description="is empty"),
        BadRequest.FieldViolation(field="task.cron_expression", description="has 4 fields, not 5 or 6"),
    ]
    bad_request = BadRequest(field_violations=violations)
    server = serve(Refusing(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", bad_request))
    client = await connect(server.address)
    with pytest.raises(task_manager.InvalidFields) as caught:
        await client.call("stop", "t1")
    assert caught.value.violations == [
        task_manager.FieldViolation("task.name", "is empty"),
        task_manager.FieldViolation("task.cron_expression", "has 4 fields, not 5 or 6"),
    ]
    assert "task.cron_expression: has 4 fields, not 5 or 6" in str(caught.value)


def test_what_the_message_names_already_is_not_said_twice() -> None:
    violations = [task_manager.FieldViolation("name", "is empty"), task_manager.FieldViolation("module", "is required")]
    error = task_manager.InvalidFields("name: is empty", violations=violations)
    assert str(error) == "name: is empty\n  module: is required"


async def test_retry_info_becomes_seconds_and_a_change_is_not_repeated(serve: Any, connect: Any) -> None:
    retry = RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000))
    server = serve(Refusing(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE", retry))
    client = await connect(server.address)
    with pytest.raises(task_manager.Unavailable) as caught:
        await client.call("stop", "t1")
    assert type(caught.value) is task_manager.DatabaseUnavailable
    assert caught.value.retry_after == 1.5


@pytest.mark.parametrize(
    ("reason", "domain"), [("OF_A_LATER_VERSION", "task-manager"), ("TASK_NOT_FOUND", "elsewhere.example")]
)
async def test_an_unknown_reason_becomes_the_root_with_its_code(
    reason: str, domain: str, serve: Any, connect: Any
) -> None:
    server = serve(Refusing(grpc.StatusCode.NOT_FOUND, reason, domain=domain))
    client = await connect(server.address)
    with pytest.raises(task_manager.TaskManagerError) as caught:
        await client.call("stop", "t1")
    assert type(caught.value) is task_manager.TaskManagerError
    assert caught.value.code is grpc.StatusCode.NOT_FOUND
    assert caught.value.reason == (reason if domain == "task-manager" else "")


class Foreign(Servicer):
    """Answers as something that is not our server: details that are none, or no details at all."""

    def __init__(self, details: bytes) -> None:
        self._details = details

    def StopTask(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        if self._details:
            context.set_trailing_metadata((("grpc-status-details-bin", self._details),))
        context.abort(grpc.StatusCode.INTERNAL, "upstream says no")


@pytest.mark.parametrize("details", [b"", b"\xff\xff\xff", b"\x1a\x04\x0a\x00\x12\xff"])
async def test_an_answer_that_is_not_of_our_server_keeps_its_code_and_words(
    details: bytes, serve: Any, connect: Any
) -> None:
    client = await connect(serve(Foreign(details)).address)
    with pytest.raises(task_manager.TaskManagerError) as caught:
        await client.call("stop", "t1")
    assert type(caught.value) is task_manager.TaskManagerError
    assert (caught.value.code, str(caught.value)) == (grpc.StatusCode.INTERNAL, "upstream says no")


class EarlyId(Servicer):
    """Sends the call's id before it knows how the call will end."""

    def StopTask(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        context.send_initial_metadata((("x-request-id", "early"),))
        context.abort(grpc.StatusCode.INTERNAL, "broken")


async def test_the_request_id_is_found_in_the_headers_too(serve: Any, connect: Any) -> None:
    client = await connect(serve(EarlyId()).address)
    with pytest.raises(task_manager.TaskManagerError) as caught:
        await client.call("stop", "t1")
    assert caught.value.request_id == "early"


async def test_nobody_at_the_address_is_unavailable(serve: Any, connect: Any) -> None:
    server = serve(Servicer())
    server.kill()
    client = await connect(server.address)
    with pytest.raises(task_manager.Unavailable) as caught:
        await client.call("stop", "t1")
    assert caught.value.request_id == ""


class Silent(Servicer):
    """Does not answer before the caller is gone."""

    def StopTask(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait(30)
        return StopTaskResponse()


async def test_a_call_without_answer_ends_at_the_clients_deadline(serve: Any, connect: Any) -> None:
    client = await connect(serve(Silent()).address, timeout=0.2)
    with pytest.raises(TimeoutError) as caught:
        await client.call("stop", "t1")
    assert type(caught.value) is task_manager.DeadlineExceeded
