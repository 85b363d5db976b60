"""What one call costs: GetTask and CreateTask against a call that does nothing, many tasks in one call, REST against gRPC."""

from __future__ import annotations

import asyncio
import time

import grpc
from google.protobuf.empty_pb2 import Empty

from benchmarks import empty_server, process_tree
from benchmarks.load import Call, rates_in_turns
from benchmarks.service import RestConnection, Service
from benchmarks.stack import Stack
from benchmarks.table import Goal, Measurement

_CALLERS = 16
_SECONDS = 5.0
_BATCH = 1000
#: Far enough for no worker to take part: this is about the call, `runs` is about the rest.
_LATER = 3600.0


async def measure(stack: Stack) -> list[Measurement]:
    """Measure it."""
    service = Service(stack)
    task_id = (await service.create("later", _LATER)).task_id
    connections = [RestConnection(stack, f"/api/tasks/{task_id}") for _ in range(_CALLERS)]
    idle = list(connections)

    async def rest_get() -> None:
        connection = idle.pop()
        await connection.get()
        idle.append(connection)

    async def get() -> None:
        await service.get(task_id)

    async def create() -> None:
        await service.create("later", _LATER)

    with empty_server.running() as (address, empty_pid):
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_unary(
                empty_server.METHOD, request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString
            )

            async def empty() -> None:
                await call(Empty())

            empty_rate, get_rate, create_rate, rest_rate = await rates_in_turns(
                [empty, get, create, rest_get], callers=_CALLERS, seconds=_SECONDS
            )
            empty_cost = await _cpu_milliseconds(empty_pid, empty)
    batch_rate = await _batch_rate(service)
    server = process_tree.role(stack.pid, "server")
    get_cost, create_cost = await _cpu_milliseconds(server, get), await _cpu_milliseconds(server, create)
    for connection in connections:
        connection.close()
    await service.close()
    return [
        Measurement(
            what=f"GetTask, {_CALLERS} callers",
            measured=get_rate,
            unit="/s",
            reference=empty_rate,
            reference_is="/s empty aio call",
            goal=Goal(bound=0.6, at_least=True, of_ratio=True),
            note=f"server CPU {get_cost:.2f} ms each, the empty call's {empty_cost:.2f} ms",
        ),
        Measurement(
            what=f"CreateTask (durable), {_CALLERS} callers",
            measured=create_rate,
            unit="/s",
            reference=empty_rate,
            reference_is="/s empty aio call",
            goal=Goal(bound=0.35, at_least=True, of_ratio=True),
            note=f"server CPU {create_cost:.2f} ms each",
        ),
        Measurement(
            what=f"BatchCreateTasks of {_BATCH:,}, one caller",
            measured=batch_rate,
            unit="tasks/s",
            reference=create_rate,
            reference_is="/s CreateTask",
            goal=Goal(bound=5.0, at_least=True, of_ratio=True),
        ),
        Measurement(
            what=f"REST GetTask, {_CALLERS} callers",
            measured=rest_rate,
            unit="/s",
            reference=get_rate,
            reference_is="/s gRPC GetTask",
            goal=Goal(bound=0.35, at_least=True, of_ratio=True),
        ),
    ]


async def _batch_rate(service: Service) -> float:
    """Tasks a second."""
    batches, began = 3, time.perf_counter()
    for _ in range(batches):
        await service.create_many("later", _BATCH, _LATER)
    return batches * _BATCH / (time.perf_counter() - began)


async def _cpu_milliseconds(pid: int, call: Call) -> float:
    """What one call costs a process: its rate varies with who else uses the machine, this hardly does."""
    before, times = process_tree.cpu_seconds(pid), 400
    for _ in range(times // _CALLERS):
        await asyncio.gather(*(call() for _ in range(_CALLERS)))
    return (process_tree.cpu_seconds(pid) - before) / times * 1000
