"""What one caller may ask of one server: calls in a while, streams at once, and wrong tokens. On the real server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from tests.unit.api.api_world import Start, World, detail, failure

from task_manager.v1 import task_service_pb2
from task_server.api.interceptors.peers import FailingPeers
from task_server.domain.owner import Owner, Role
from task_server.domain.rates import Rates

GET = task_service_pb2.GetTaskRequest(task_id="t1")
WATCH = task_service_pb2.WatchTasksRequest()
WRONG = (("authorization", f"Bearer tsk_{'0' * 16}_{'0' * 64}"),)


def sign_in(world: World, owner: str = "ann") -> tuple[tuple[str, str], ...]:
    token = world.tokens.create(Owner(owner, owner.title()), Role.EDITOR)
    return (("authorization", f"Bearer {token}"),)


def retry_seconds(error: Any) -> float:
    return detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() / 1000


async def test_a_token_that_calls_too_often_is_told_when_the_next_call_is_let_in(start: Start) -> None:
    async with start(rate_per_token=0.02, burst_per_token=3) as world:
        ann, other = sign_in(world), sign_in(world)
        for _ in range(3):
            await world.stub.GetTask(GET, metadata=ann)
        error = await failure(world.stub.GetTask(GET, metadata=ann))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (detail(error).reason, dict(detail(error).metadata)) == ("RATE_LIMITED", {"limit": "token"})
        assert 20 < retry_seconds(error) <= 50
        assert detail(await failure(world.stub.WatchTasks(WATCH, metadata=ann))).reason == "RATE_LIMITED"
        assert world.service.called == ["GetTask"] * 3
        # Another token of the same owner has a rate of its own.
        await world.stub.GetTask(GET, metadata=other)


async def test_all_tokens_of_an_owner_share_one_rate_and_others_have_theirs(start: Start) -> None:
    async with start(rate_per_owner=0.001, burst_per_owner=2) as world:
        tokens = [sign_in(world) for _ in range(3)]
        for token in tokens[:2]:
            await world.stub.GetTask(GET, metadata=token)
        error = await failure(world.stub.GetTask(GET, metadata=tokens[2]))
        assert dict(detail(error).metadata) == {"limit": "owner"}
        await world.stub.GetTask(GET, metadata=sign_in(world, "bob"))


async def test_a_call_that_the_owners_rate_refuses_takes_nothing_from_the_tokens(start: Start) -> None:
    async with start(rate_per_token=0.001, burst_per_token=2, rate_per_owner=20, burst_per_owner=1) as world:
        ann = sign_in(world)
        await world.stub.GetTask(GET, metadata=ann)
        # However often it is refused meanwhile: once it has waited as long as it was told, it is let in.
        async with asyncio.timeout(20):
            while True:
                try:
                    await world.stub.GetTask(GET, metadata=ann)
                    break
                except grpc.aio.AioRpcError as error:
                    assert dict(detail(error).metadata) == {"limit": "owner"}


async def test_zero_means_no_rate(start: Start) -> None:
    async with start(rate_per_token=0, burst_per_token=1, rate_per_owner=0, burst_per_owner=1) as world:
        ann = sign_in(world)
        for _ in range(20):
            await world.stub.GetTask(GET, metadata=ann)


@pytest.mark.parametrize(("limit", "owner"), [("token", "bob"), ("owner", "bob")])
async def test_open_streams_are_counted_by_token_and_by_owner(start: Start, limit: str, owner: str) -> None:
    async with start(**{f"max_streams_per_{limit}": 2}) as world:
        world.service.act = lambda: world.service.never.wait()
        ann = sign_in(world)
        again = ann if limit == "token" else sign_in(world)
        streams = [world.stub.WatchTasks(WATCH, metadata=token) for token in (ann, again)]
        for stream in streams:
            await stream.read()
        error = await failure(world.stub.WatchTasks(WATCH, metadata=ann))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert detail(error).reason == "TOO_MANY_STREAMS"
        assert dict(detail(error).metadata) == {"limit": limit, "most": "2"}
        assert retry_seconds(error) == 1
        await world.stub.WatchTasks(WATCH, metadata=sign_in(world, owner)).read()
        # A place is free once a stream has ended, and its calls go on all the time.
        streams[0].cancel()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await world.stub.WatchTasks(WATCH, metadata=ann).read()
                    break


async def test_wrong_tokens_are_refused_before_the_database_is_asked_and_right_ones_go_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_server.auth.authenticator.TRUST_SECONDS", 60.0)
    async with start(rate_per_failing_peer=0.01, burst_per_failing_peer=3) as world:
        ann, new = sign_in(world), sign_in(world)
        await world.stub.GetTask(GET, metadata=ann)
        asked: list[str] = []
        prove = world.tokens.prove
        monkeypatch.setattr(world.tokens, "prove", lambda given: (asked.append(given.bearer), prove(given))[1])
        errors = [await failure(world.stub.GetTask(GET, metadata=WRONG)) for _ in range(6)]
        assert [error.code().name for error in errors] == ["UNAUTHENTICATED"] * 3 + ["RESOURCE_EXHAUSTED"] * 3
        assert len(asked) == 3
        assert (detail(errors[-1]).reason, dict(detail(errors[-1]).metadata)) == ("RATE_LIMITED", {"limit": "peer"})
        assert 40 < retry_seconds(errors[-1]) <= 100
        # Who has been let in lately is, whatever others do from the same address.
        await world.stub.GetTask(GET, metadata=ann)
        assert (await failure(world.stub.GetTask(GET, metadata=new))).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        # The gateway is on this machine, so its word counts about who it calls for.
        elsewhere = (("x-forwarded-for", "203.0.113.7"),)
        await world.stub.GetTask(GET, metadata=(*new, *elsewhere))


async def test_many_wrong_tokens_at_once_are_not_more_than_may_fail(start: Start) -> None:
    async with start(rate_per_failing_peer=0.01, burst_per_failing_peer=3) as world:
        errors = await asyncio.gather(*(failure(world.stub.GetTask(GET, metadata=WRONG)) for _ in range(30)))
        assert sum(error.code() is grpc.StatusCode.UNAUTHENTICATED for error in errors) == 3


async def test_right_tokens_are_not_counted(start: Start) -> None:
    async with start(rate_per_failing_peer=0.01, burst_per_failing_peer=1) as world:
        for _ in range(5):
            await world.stub.GetTask(GET, metadata=sign_in(world))


PEERS = FailingPeers(Rates(1, 1), ["127.0.0.0/8", "::1/128", "10.0.0.0/24"])


@pytest.mark.parametrize(
    ("connected", "forwarded", "peer"),
    [
        ("ipv4:203.0.113.7:4711", [], "203.0.113.7"),
        # Who is not trusted says nothing about others.
        ("ipv4:203.0.113.7:4711", ["198.51.100.1"], "203.0.113.7"),
        ("ipv4:127.0.0.1:4711", [], "127.0.0.1"),
        ("ipv4:127.0.0.1:4711", ["198.51.100.1"], "198.51.100.1"),
        ("unix:", ["198.51.100.1"], "198.51.100.1"),
        ("unix:", [], "unix"),
        # What stands before the last stranger, that stranger may have written.
        ("ipv4:127.0.0.1:4711", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("ipv4:127.0.0.1:4711", ["1.1.1.1", "198.51.100.1, 10.0.0.5"], "198.51.100.1"),
        ("ipv4:127.0.0.1:4711", ["10.0.0.5, 127.0.0.1"], "10.0.0.5"),
        ("ipv4:127.0.0.1:4711", ["nonsense, 10.0.0.5"], "10.0.0.5"),
        ("ipv4:127.0.0.1:4711", ["198.51.100.1, nonsense"], "127.0.0.1"),
        ("ipv6:%5B2001:db8:1:2:3::9%5D:4711", [], "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:203.0.113.7]:4711", [], "203.0.113.7"),
        ("ipv6:%5Bfe80::1%25eth0%5D:4711", [], "fe80::/64"),
        ("ipv6:%5B::1%5D:4711", ["2001:db8:1:2:4::1"], "2001:db8:1:2::/64"),
    ],
)
def test_a_failure_is_counted_for_whoever_made_it(connected: str, forwarded: list[str], peer: str) -> None:
    assert PEERS.peer(connected, forwarded) == peer
