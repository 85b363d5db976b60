"""Every RPC of the contract has a handler; those without a servicer say so. And the server that holds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.unit.api.api_world import TinyService, World, close_connections, detail, failure

from task_manager.v1 import task_service_pb2
from task_server.api import health, services
from task_server.api.server import AddressInUseError, ApiServer
from task_server.config import Settings
from task_server.domain.owner import Owner, Role
from task_server.domain.process import ProcessRole
from task_server.usecases.presence import Presence, this_process

METHODS = [method for service in services.SERVICES for method in service.methods]


def test_all_services_of_the_contract_are_there() -> None:
    protos = Path(task_service_pb2.__file__).parent.glob("*_service_pb2.py")
    assert {service.file.name.rpartition("/")[2].removesuffix(".proto") + "_pb2" for service in services.SERVICES} == {
        proto.stem for proto in protos
    }


async def test_every_rpc_without_a_servicer_is_unimplemented_and_says_which(
    database: Any, ports: Any, threads: Any
) -> None:
    async with World(database, ports, threads).running() as world:
        metadata = (("authorization", f"Bearer {world.tokens.create(Owner('root', 'Root'), Role.ADMIN)}"),)
        refused = [method for method in METHODS if method.name not in ("GetTask", "WatchTasks")]
        assert {method.server_streaming for method in refused} == {True, False}
        for method in refused:
            error = await failure(world.call(method, metadata=metadata))
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED, method.full_name
            info = detail(error)
            assert info.reason == "RPC_NOT_IMPLEMENTED"
            assert dict(info.metadata) == {"method": f"{method.containing_service.full_name}/{method.name}"}


@pytest.mark.parametrize("method", ["GetTask", "WatchTasks"])
async def test_a_request_that_can_not_be_read_is_the_callers_fault(
    database: Any, ports: Any, threads: Any, method: str
) -> None:
    async with World(database, ports, threads).running() as world:
        metadata = (("authorization", f"Bearer {world.tokens.create(Owner('ann', 'Ann'), Role.EDITOR)}"),)
        make = world.channel.unary_stream if method == "WatchTasks" else world.channel.unary_unary
        call = make(f"/task_manager.v1.TaskService/{method}")
        # Who may not call is not told more than that.
        assert (await failure(call(b"\xff\xff", timeout=20))).code() is grpc.StatusCode.UNAUTHENTICATED
        error = await failure(call(b"\xff\xff", metadata=metadata, timeout=20))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert detail(error).reason == "INVALID_FIELDS"
        assert world.service.called == []


async def test_the_character_nul_is_refused_in_any_text_of_a_request(database: Any, ports: Any, threads: Any) -> None:
    async with World(database, ports, threads).running() as world:
        metadata = (("authorization", f"Bearer {world.tokens.create(Owner('ann', 'Ann'), Role.EDITOR)}"),)
        request = task_service_pb2.GetTaskRequest(task_id="a\0b")
        error = await failure(world.stub.GetTask(request, metadata=metadata))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        (violation,) = detail(error, error_details_pb2.BadRequest).field_violations
        assert violation.field == "task_id"


async def test_what_is_not_served_is_listed() -> None:
    by_name = {service.name: service for service in services.SERVICES}
    missing = services.not_served(by_name["TaskService"], TinyService())
    assert set(missing) == {method.name for method in by_name["TaskService"].methods} - {"GetTask", "WatchTasks"}
    assert services.not_served(by_name["LockService"], None) == [
        method.name for method in by_name["LockService"].methods
    ]


async def test_an_address_in_use_is_said(database: Any, ports: Any, threads: Any) -> None:
    async with World(database, ports, threads).running() as world:
        second = ApiServer(
            Settings(grpc_address=f"127.0.0.1:{world.port}"),
            servicers={},
            authenticator=world.authenticator,
            last_uses=world.last_uses,
            refusals=world.refusals,
            threads=threads,
            watchers=world.watchers,
            database=database,
        )
        with pytest.raises(AddressInUseError, match=f"127.0.0.1:{world.port} can not be listened on"):
            await second.start()


async def test_health_follows_the_database_and_ends_with_the_server(
    database: Any, ports: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SECONDS", 0.02)
    async with World(database, ports, threads).running() as world:
        stream = health_pb2_grpc.HealthStub(world.channel).Watch(health_pb2.HealthCheckRequest(), timeout=20)

        async def becomes(status: str) -> None:
            wanted = health_pb2.HealthCheckResponse.ServingStatus.Value(status)
            while (await stream.read()).status != wanted:
                pass

        await becomes("SERVING")
        away = database.path.rename(database.path.with_suffix(".away"))
        database.path.mkdir()
        close_connections(threads, database)
        await becomes("NOT_SERVING")
        database.path.rmdir()
        away.rename(database.path)
        await becomes("SERVING")
        world.stop.set()
        await becomes("NOT_SERVING")
        stream.cancel()


async def test_health_of_code_follows_the_workers_that_run_it(
    database: Any, ports: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SECONDS", 0.02)
    async with World(database, ports, threads).running() as world:
        request = health_pb2.HealthCheckRequest(service="task_manager.v1.code")
        stream = health_pb2_grpc.HealthStub(world.channel).Watch(request, timeout=20)
        assert (await stream.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        refusing = Presence(database, this_process(ProcessRole.WORKER, queues=("default",), code_refusal="no seccomp"))
        capable = Presence(database, replace(this_process(ProcessRole.WORKER, queues=("default",)), name="w2"))
        await threads.run(refusing.beat)
        await threads.run(capable.beat)
        assert (await stream.read()).status == health_pb2.HealthCheckResponse.SERVING
        await threads.run(capable.leave)
        assert (await stream.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        stream.cancel()


async def test_that_no_worker_runs_code_is_told_once_they_had_time_to_come_up(
    database: Any, threads: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told = health.Health([], database, threads)
    worker = Presence(database, this_process(ProcessRole.WORKER, queues=("default",)))

    async def said(age: float) -> list[tuple[str, str]]:
        caplog.clear()
        await told.look(age)
        return [(entry.levelname, entry.getMessage()) for entry in caplog.records]

    await told.begin()
    assert await said(0.0) == [("INFO", "health is SERVING")]
    assert await said(9.9) == []
    assert await said(10.0) == [("WARNING", "health of code is NOT_SERVING")]
    assert await said(20.0) == []
    await threads.run(worker.beat)
    assert await said(22.0) == [("INFO", "health of code is SERVING")]


async def test_that_the_last_worker_that_runs_code_went_is_told_at_once(
    database: Any, threads: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told = health.Health([], database, threads)
    worker = Presence(database, this_process(ProcessRole.WORKER, queues=("default",)))
    await threads.run(worker.beat)
    await told.look(0.0)
    await threads.run(worker.leave)
    caplog.clear()
    await told.look(2.0)
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("WARNING", "health of code is NOT_SERVING")
    ]
