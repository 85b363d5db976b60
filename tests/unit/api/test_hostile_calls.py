"""Strangers, who have no token and can connect: whatever they send, the server goes on and has room for others. On the real one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.unit.api.api_world import Start, World, detail, failure

from task_manager.v1 import task_service_pb2
from task_server.api import reading
from task_server.api.server import ServerEndedError
from task_server.domain.owner import Owner, Role

GET = task_service_pb2.GetTaskRequest(task_id="t1")
PATH = "/task_manager.v1.TaskService/GetTask"
CHECK = "/grpc.health.v1.Health/Check"


def sign_in(world: World) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {world.tokens.create(Owner('ann', 'Ann'), Role.EDITOR)}"),)


@contextlib.asynccontextmanager
async def silent_calls(world: World, method: str, count: int, **options: Any) -> AsyncIterator[list[Any]]:
    """Calls that have begun, and never send their request."""
    never = asyncio.Event()

    async def nothing() -> AsyncIterator[bytes]:
        await never.wait()
        yield b""

    own_connection = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.port}", options=own_connection) as channel:
        # Once it has answered, the client knows how many calls this connection may have.
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        make: Any = channel.stream_unary(method)
        calls = [make(nothing(), **options) for _ in range(count)]
        try:
            yield calls
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*(call.code() for call in calls))


@pytest.mark.parametrize("path", [b"/\xff\xfe", b"/task_manager.v1.TaskService/\xc3", b"/\xed\xa0\x80", b"/"])
async def test_a_path_that_is_no_text_is_an_unknown_method_and_ends_nothing(start: Start, path: bytes) -> None:
    async with start() as world:
        unknown: Any = world.channel.unary_unary(path)
        for _ in range(3):
            assert detail(await failure(unknown(b""))).reason == "INVALID_CREDENTIALS"
        error = await failure(unknown(b"", metadata=sign_in(world)))
        assert detail(error).reason == "RPC_NOT_IMPLEMENTED"
        assert (await world.stub.GetTask(GET, metadata=sign_in(world))).name == "ann"


async def test_a_stranger_is_refused_before_the_request_has_come(start: Start) -> None:
    async with start() as world, silent_calls(world, PATH, 1) as (call,):
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert world.service.called == []


async def test_strangers_that_send_no_requests_take_nobodys_place(start: Start) -> None:
    # gRPC itself refuses all calls above 2 x 12, health checks too: no more than 20 come at once, and 40 in all.
    async with start(max_concurrent_calls=12, rate_per_failing_peer=0) as world:
        ann = sign_in(world)
        async with silent_calls(world, PATH, 20) as strangers:
            # Twelve have a place until they are known to be strangers; who comes meanwhile is told that the server is busy.
            refused = {await call.code() for call in strangers}
            assert refused <= {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}
            async with silent_calls(world, CHECK, 20) as checks:
                # Ten of them have a place, and each that is new ends the oldest.
                assert {await call.code() for call in checks[:10]} == {grpc.StatusCode.DEADLINE_EXCEEDED}
                assert (await world.stub.GetTask(GET, metadata=ann)).name == "ann"
                await health_pb2_grpc.HealthStub(world.channel).Check(health_pb2.HealthCheckRequest())


async def test_health_watches_are_few_and_take_nobodys_place(start: Start) -> None:
    async with start(max_concurrent_calls=12) as world:
        stub = health_pb2_grpc.HealthStub(world.channel)
        watches: list[Any] = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(10)]
        for watch in watches:
            await watch.read()
        refused = await failure(stub.Watch(health_pb2.HealthCheckRequest()))
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await world.stub.GetTask(GET, metadata=sign_in(world))).name == "ann"
        watches[0].cancel()
        assert await watches[0].code() is grpc.StatusCode.CANCELLED
        await stub.Check(health_pb2.HealthCheckRequest())
        for watch in watches[1:]:
            watch.cancel()


async def test_a_request_that_does_not_come_ends_the_call(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "REQUEST_SECONDS", 0.05)
    async with start() as world, silent_calls(world, PATH, 1, metadata=sign_in(world)) as (call,):
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert world.service.called == []


async def test_a_call_without_a_request_says_so(start: Start) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        for never in ():
            yield never

    async with start() as world:
        for method, options in ((PATH, {"metadata": sign_in(world)}), (CHECK, {})):
            make: Any = world.channel.stream_unary(method)
            call = make(nothing(), **options)
            assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("method", "code"),
    [(CHECK, grpc.StatusCode.INVALID_ARGUMENT), ("/grpc.health.v1.Health/List", grpc.StatusCode.UNIMPLEMENTED)],
)
async def test_what_strangers_send_leaves_no_traceback_in_the_log(
    start: Start, caplog: pytest.LogCaptureFixture, method: str, code: grpc.StatusCode
) -> None:
    async with start() as world:
        make: Any = world.channel.unary_unary(method)
        assert (await failure(make(b"\x0a\x7f" if method == CHECK else b""))).code() is code
    assert not [record for record in caplog.records if record.exc_info]


async def test_clients_that_try_the_newer_reflection_first_go_on_with_ours(start: Start) -> None:
    async with start() as world:
        make: Any = world.channel.unary_unary("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        assert (await failure(make(b""))).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_server_that_grpc_ended_is_left_with_an_error(database: Any, ports: Any, threads: Any) -> None:
    world = World(database, ports, threads)
    await world.server.start()
    serving = asyncio.create_task(world.server.serve(world.stop))
    await world.server._server.stop(0)
    with pytest.raises(ServerEndedError):
        await asyncio.wait_for(serving, 20)
