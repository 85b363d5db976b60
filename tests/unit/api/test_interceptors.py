"""What happens around every call: request id, log, errors, authentication, on the real server."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.unit.api.api_world import World, detail, failure, written_log

from task_manager.v1 import task_service_pb2
from task_server.api import services
from task_server.domain.errors import DatabaseUnavailable, InvalidFields, TaskNotFound, Violation
from task_server.domain.owner import Owner, Role

METHODS = [method for service in services.SERVICES for method in service.methods]
GET = task_service_pb2.GetTaskRequest(task_id="t1")
WATCH = task_service_pb2.WatchTasksRequest()


@pytest.fixture
async def world(database: Any, ports: Any, threads: Any) -> AsyncIterator[World]:
    async with World(database, ports, threads, max_call_seconds=5.0).running() as world:
        yield world


@pytest.fixture
def token(world: World) -> str:
    return world.tokens.create(Owner("ann", "Ann"), Role.EDITOR)


@pytest.fixture
def metadata(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def raising(error: Exception) -> Callable[[], Any]:
    def act() -> None:
        raise error

    return act


async def answered(call: Any) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def header(call: Any) -> str:
    return dict(await call.initial_metadata())["x-request-id"]


async def test_a_good_token_makes_the_caller_known(world: World, metadata: Any) -> None:
    assert (await world.stub.GetTask(GET, metadata=metadata)).name == "ann"
    assert (await world.stub.WatchTasks(WATCH, metadata=metadata).read()).watch_token == "ann"


@pytest.mark.parametrize("given", ["r-1", "0af7651916cd43dd:8448eb21/1+2=._", "x" * 128])
async def test_a_request_id_is_kept_and_returned(world: World, metadata: Any, given: str) -> None:
    call = world.stub.GetTask(GET, metadata=(*metadata, ("x-request-id", given)))
    assert (await call).module == given
    assert await header(call) == given


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "a;b", 'a"b', "a,b", "${jndi}"])
async def test_a_missing_or_odd_request_id_is_replaced(world: World, metadata: Any, given: str | None) -> None:
    sent = metadata if given is None else (*metadata, ("x-request-id", given))
    call = world.stub.GetTask(GET, metadata=sent)
    made = (await call).module
    assert uuid.UUID(made).version == 7
    assert await header(call) == made


async def test_each_call_has_a_request_id_of_its_own(world: World, metadata: Any) -> None:
    answers = await asyncio.gather(*(world.stub.GetTask(GET, metadata=metadata) for _ in range(20)))
    assert len({answer.module for answer in answers}) == 20


async def test_a_stream_and_a_refused_call_return_their_request_id_too(world: World, metadata: Any) -> None:
    stream = world.stub.WatchTasks(WATCH, metadata=(*metadata, ("x-request-id", "r-2")))
    assert [event.watch_token async for event in stream] == ["ann", "r-2"]
    assert await header(stream) == "r-2"
    refused = world.stub.GetTask(GET, metadata=(("x-request-id", "r-3"),))
    await failure(refused)
    assert await header(refused) == "r-3"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_no_rpc_is_served_without_a_token(world: World, method: Any) -> None:
    for metadata in (None, (("authorization", "Bearer tsk_0"),), (("authorization", "Basic YTpi"),)):
        error = await failure(world.call(method, metadata=metadata))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert detail(error).reason == "INVALID_CREDENTIALS"
    assert world.service.called == []


@pytest.mark.parametrize("path", ["/task_manager.v1.TaskService/Nothing", "/other.v1.Service/GetTask", "/x", "/"])
async def test_what_the_contract_does_not_have_is_unimplemented_for_those_who_may_know(
    world: World, metadata: Any, path: str
) -> None:
    for make in (world.channel.unary_unary, world.channel.unary_stream):
        error = await failure(make(path)(b"", timeout=20))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        error = await failure(make(path)(b"", metadata=metadata, timeout=20))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        # Its name is nowhere looked at.
        assert dict(detail(error).metadata) == {"method": "unknown"}
    assert world.service.called == []


async def test_a_role_without_the_permission_is_refused_before_anything_is_looked_at(
    world: World, metadata: Any
) -> None:
    (create_token,) = (method for method in METHODS if method.name == "CreateToken")
    error = await failure(world.call(create_token, metadata=metadata))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert dict(detail(error).metadata) == {"permission": "admin"}


async def test_two_tokens_in_one_call_are_refused(world: World, metadata: Any) -> None:
    assert (await failure(world.stub.GetTask(GET, metadata=metadata * 2))).code() is grpc.StatusCode.UNAUTHENTICATED


async def test_health_and_reflection_need_no_token(world: World) -> None:
    health = health_pb2_grpc.HealthStub(world.channel)
    for name in ("", *(service.full_name for service in services.SERVICES)):
        stream = health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=20)
        while (await stream.read()).status != health_pb2.HealthCheckResponse.SERVING:
            pass
        stream.cancel()
    listing = reflection_pb2_grpc.ServerReflectionStub(world.channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=20
    )
    names = {service.name for service in (await listing.read()).list_services_response.service}
    listing.cancel()
    assert {service.full_name for service in services.SERVICES} <= names


@pytest.mark.parametrize("stream", [False, True])
async def test_a_defect_is_internal_and_keeps_its_particulars_to_the_log(
    world: World, metadata: Any, stream: bool
) -> None:
    world.service.act = raising(RuntimeError("password=hunter2"))
    sent = (*metadata, ("x-request-id", "r-9"))
    with written_log() as log:
        error = await failure(
            (world.stub.WatchTasks(WATCH, metadata=sent)) if stream else world.stub.GetTask(GET, metadata=sent)
        )
        # The call's own line comes when it has ended, which its caller hears of first.
        await log.line("INTERNAL")
    assert error.code() is grpc.StatusCode.INTERNAL
    info = detail(error)
    assert (info.reason, info.domain, dict(info.metadata)) == ("INTERNAL_DEFECT", "task-manager", {"request_id": "r-9"})
    for hidden in ("hunter2", "Traceback", ".py"):
        assert hidden not in str(error.details())
        assert hidden not in str(error.trailing_metadata())
    assert "hunter2" in log.getvalue()
    assert "Traceback" in log.getvalue()
    assert re.search(r"ERROR .*failed.* request_id=r-9\n", log.getvalue())
    assert re.search(r"ERROR .*INTERNAL .*user=ann .*request_id=r-9\n", log.getvalue())


@pytest.mark.parametrize("stream", [False, True])
async def test_our_errors_arrive_with_their_details_and_without_noise(
    world: World, metadata: Any, stream: bool
) -> None:
    world.service.act = raising(TaskNotFound("t1"))
    with written_log() as log:
        error = await failure(
            world.stub.WatchTasks(WATCH, metadata=metadata) if stream else world.stub.GetTask(GET, metadata=metadata)
        )
        # The call's own line comes when it has ended, which its caller hears of first.
        await log.line("NOT_FOUND")
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert dict(detail(error).metadata) == {"task_id": "t1"}
    assert "Traceback" not in log.getvalue()
    assert re.search(r" INFO .* NOT_FOUND ", log.getvalue())


async def test_an_unavailable_database_says_when_to_retry(world: World, metadata: Any) -> None:
    world.service.act = raising(DatabaseUnavailable())
    error = await failure(world.stub.GetTask(GET, metadata=metadata))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert detail(error, error_details_pb2.RetryInfo).retry_delay.seconds == 1


@pytest.mark.parametrize(
    "error",
    [
        InvalidFields(
            [Violation(f"task.expected_status[{number}]", "must be from 200 to 599") for number in range(5000)]
        ),
        InvalidFields([Violation("界" * 5000, "界" * 5000)] * 50),
        TaskNotFound("界" * 5000),
    ],
)
async def test_however_much_is_wrong_the_caller_gets_the_error(world: World, metadata: Any, error: Any) -> None:
    world.service.act = raising(error)
    found = await failure(world.stub.GetTask(GET, metadata=metadata))
    assert found.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    assert detail(found).domain == "task-manager"


async def test_a_call_may_not_take_longer_than_the_server_allows_but_a_stream_may(
    database: Any, ports: Any, threads: Any
) -> None:
    async with World(database, ports, threads, max_call_seconds=0.05).running() as world:
        metadata = (("authorization", f"Bearer {world.tokens.create(Owner('ann', 'Ann'), Role.EDITOR)}"),)
        world.service.act = lambda: world.service.never.wait()
        error = await failure(world.stub.GetTask(GET, metadata=metadata))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert detail(error).reason == "DEADLINE_PASSED"
        stream = world.stub.WatchTasks(WATCH, metadata=metadata)
        await stream.read()
        await failure(world.stub.GetTask(GET, metadata=metadata))  # Takes as long as a call may; the stream goes on.
        world.service.never.set()
        assert (await stream.read()).watch_token


async def test_a_server_at_its_limit_refuses_and_goes_on_when_a_call_has_ended(
    database: Any, ports: Any, threads: Any
) -> None:
    async with World(database, ports, threads, max_concurrent_calls=1).running() as world:
        metadata = (("authorization", f"Bearer {world.tokens.create(Owner('ann', 'Ann'), Role.EDITOR)}"),)
        begun = asyncio.Event()

        async def wait() -> None:
            begun.set()
            await world.service.never.wait()

        world.service.act = wait
        stream = world.stub.WatchTasks(WATCH, metadata=metadata)
        await stream.read()
        await begun.wait()
        world.service.act = lambda: None
        error = await failure(world.stub.GetTask(GET, metadata=metadata))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert detail(error).reason == "SERVER_BUSY"
        assert detail(error, error_details_pb2.RetryInfo).retry_delay.seconds == 1
        stream.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stream.read()
        # The place is free once the handler has ended, which is after the caller has gone.
        async with asyncio.timeout(10):
            while (await answered(world.stub.GetTask(GET, metadata=metadata))) is grpc.StatusCode.RESOURCE_EXHAUSTED:
                pass


async def test_a_callers_own_deadline_and_cancellation_end_the_work(world: World, metadata: Any) -> None:
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await world.service.never.wait()
        finally:
            ended.set()

    world.service.act = wait
    error = await failure(world.stub.GetTask(GET, metadata=metadata, timeout=0.05))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await ended.wait()
    ended.clear()
    with written_log() as log:
        stream = world.stub.WatchTasks(WATCH, metadata=metadata)
        await stream.read()
        stream.cancel()
        await ended.wait()
        assert " INFO " in await log.line("CANCELLED")


async def test_a_watcher_that_goes_while_messages_wait_for_it_is_no_defect(world: World, metadata: Any) -> None:
    world.service.flood = 10_000
    with written_log() as log:
        stream = world.stub.WatchTasks(WATCH, metadata=(*metadata, ("x-request-id", "r-7")))
        await stream.read()
        # More than fits on the way: the server waits to send.
        for _ in range(5):
            await world.stub.GetTask(GET, metadata=metadata)
        stream.cancel()
        await world.service.stream_ended.wait()
        line = await log.line("WatchTasks")
    assert " INFO " in line
    assert " CANCELLED " in line
    assert "user=ann" in line
    assert "request_id=r-7" in line


async def test_the_log_has_a_line_for_each_call_and_never_a_token(world: World, token: str, metadata: Any) -> None:
    with written_log() as log:
        await world.stub.GetTask(GET, metadata=(*metadata, ("x-request-id", "r-5")))
        await failure(
            world.stub.GetTask(GET, metadata=(("authorization", f"Bearer {token}0"), ("x-request-id", "r-6")))
        )
        world.service.act = raising(RuntimeError("boom"))
        await failure(world.stub.GetTask(GET, metadata=metadata))
    text = log.getvalue()
    assert re.search(
        r" DEBUG .*/task_manager.v1.TaskService/GetTask OK milliseconds=[\d.]+ user=ann token=\w{16} request_id=r-5\n",
        text,
    )
    assert re.search(r" INFO .*GetTask UNAUTHENTICATED .* user=- token=- request_id=r-6\n", text)
    assert token.split("_")[2] not in text
    assert "Bearer" not in text


@pytest.mark.parametrize("path", ["/grpc.health.v1.Health/Nothing", "/grpc.reflection.v1alpha.ServerReflection/x"])
async def test_open_services_have_no_more_than_they_have(world: World, metadata: Any, path: str) -> None:
    make: Any = world.channel.unary_unary(path)
    assert (await failure(make(b"", timeout=20))).code() is grpc.StatusCode.UNAUTHENTICATED
    assert (await failure(make(b"", timeout=20, metadata=metadata))).code() is grpc.StatusCode.UNIMPLEMENTED
