"""What a corpus can not show: the server away, callers that hang up, the gateway's end, floods."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from gateway_peer import SERVICES, Peer, serve_peer
from gateway_world import World, ask
from tests.processes import free_port

from task_server.gateway.app import create_app
from task_server.gateway.options import GatewayOptions
from task_server.gateway.routes import load_routes
from task_server.gateway.server import AddressInUseError, bind, serve


@contextmanager
def opened(port: int, path: str) -> Iterator[Any]:
    """A response whose body is still coming."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        yield connection.getresponse()
    finally:
        connection.close()


def test_every_annotated_rpc_is_served(gateway: int) -> None:
    annotated = {f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods}
    assert {route.rpc for route in load_routes()} == annotated

    for route in load_routes():
        path = "/" + "/".join(str(part) if isinstance(part, str) else "two" for part in route.template.segments)
        answer = ask(gateway, route.http_method, path, body=b"" if route.body else None)
        assert answer.status == 200, (route, answer)


def test_without_a_server_the_answer_is_503_with_retry_info_and_no_word_of_the_transport(world: World) -> None:
    gateway = world.gateway(grpc_port=free_port())

    answer = ask(gateway, "GET", "/api/tasks/abc")
    stream = ask(gateway, "GET", "/api/tasks/abc/watch")
    health = ask(gateway, "GET", "/healthz")

    assert (answer.status, stream.status, health.status) == (503, 503, 503)
    assert answer.json["code"] == 14
    assert answer.json["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVER_UNREACHABLE",
            "domain": "task-manager",
            "metadata": {},
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"},
    ]
    assert stream.lines == [{"error": answer.json}]
    assert answer.header("x-request-id")
    for body in (answer.body, stream.body, health.body):
        assert b"127.0.0.1" not in body
        assert b"connect" not in body


def test_the_gateway_recovers_by_itself_when_the_server_comes_back(world: World) -> None:
    port = free_port()
    gateway = world.gateway(grpc_port=port)
    assert ask(gateway, "GET", "/api/tasks/abc").status == 503

    server, _ = world.run(serve_peer(Peer(), f"127.0.0.1:{port}"))
    deadline = time.monotonic() + 30
    while (answer := ask(gateway, "GET", "/api/tasks/abc")).status != 200 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert answer.status == 200
    with opened(gateway, "/api/tasks/endless/watch") as response:
        assert b"result" in response.readline()
        world.run(server.stop(0))
        lines = response.read().splitlines()
    assert json.loads(lines[-1])["error"]["code"] == 14
    assert ask(gateway, "GET", "/api/tasks/abc").status == 503


def test_messages_of_a_stream_come_as_they_are_sent(world: World, gateway: int) -> None:
    with opened(gateway, "/api/tasks/endless-1/watch") as response:
        assert json.loads(response.readline())["result"]["type"] == "ADDED"
        assert json.loads(response.readline())["result"]["type"] == "MODIFIED"
        assert not world.peer.cancelled["endless-1"].is_set()


@pytest.mark.parametrize(
    ("name", "path"), [("hang-2", "/api/tasks/hang-2"), ("endless-2", "/api/tasks/endless-2/watch")]
)
def test_a_caller_that_hangs_up_cancels_the_rpc_at_once(world: World, gateway: int, name: str, path: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        world.run(asyncio.wait_for(world.peer.begun[name].wait(), 30))
    world.run(asyncio.wait_for(world.peer.cancelled[name].wait(), 30))


def test_a_body_without_a_length_is_limited_too(world: World) -> None:
    gateway = world.gateway(GatewayOptions(max_body_bytes=1000))
    with socket.create_connection(("127.0.0.1", gateway)) as connection:
        connection.sendall(b"POST /api/tasks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        # Never ended: the answer must not wait for the end of what is too long already.
        connection.sendall(b"7d1\r\n" + b"x" * 2001 + b"\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = json.loads(response.read())

    assert response.status == 400
    assert body["message"] == "the request body is longer than 1000 bytes"
    assert response.getheader("connection") == "close"


def test_a_caller_that_hangs_up_in_its_body_harms_nobody(gateway: int) -> None:
    with socket.create_connection(("127.0.0.1", gateway)) as connection:
        connection.sendall(b'POST /api/tasks HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{"name":')

    assert ask(gateway, "GET", "/api/tasks/abc").status == 200


def test_a_message_longer_than_the_limit_is_an_error_and_not_a_crash(world: World) -> None:
    gateway = world.gateway(GatewayOptions(max_response_bytes=10))

    answer = ask(gateway, "GET", "/api/tasks/full")

    assert (answer.status, answer.json["code"]) == (429, 8)


def test_a_request_id_is_made_where_none_came_and_goes_to_the_server_too(gateway: int) -> None:
    answer = ask(gateway, "GET", "/api/tasks/abc")

    assert answer.header("x-request-id")
    assert ["x-request-id", answer.header("x-request-id")] in json.loads(
        answer.header("grpc-metadata-x-metadata") or ""
    )
    assert ask(gateway, "GET", "/nothing").header("x-request-id")


def test_unprintable_headers_do_not_reach_the_server(gateway: int) -> None:
    answer = ask(gateway, "GET", "/api/tasks/abc", [("Grpc-Metadata-X-Odd", "\xe9"), ("X-Request-Id", "\xe9")])

    assert answer.status == 200
    assert "x-odd" not in str(answer.header("grpc-metadata-x-metadata"))
    assert answer.header("x-request-id") not in {None, "\xe9"}


def test_an_address_in_use_is_one_typed_error() -> None:
    with closing(bind("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=f"127.0.0.1:{port}") as caught:
            bind("127.0.0.1", port)

    assert caught.value.address == f"127.0.0.1:{port}"


def test_the_end_closes_streams_with_a_word_and_lets_requests_finish(world: World) -> None:
    world.run(_end(world))


async def _end(world: World) -> None:
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop, started = asyncio.Event(), asyncio.Event()
    app = create_app(f"127.0.0.1:{world.grpc_port}")
    running = asyncio.create_task(serve(app, listener, stop, on_started=started.set, grace_seconds=0.3))
    await started.wait()
    stream = asyncio.create_task(asyncio.to_thread(ask, port, "GET", "/api/tasks/endless-3/watch"))
    stuck = asyncio.create_task(asyncio.to_thread(ask, port, "GET", "/api/tasks/hang-3"))
    await asyncio.wait_for(world.peer.begun["endless-3"].wait(), 30)
    await asyncio.wait_for(world.peer.begun["hang-3"].wait(), 30)

    begun = time.monotonic()
    stop.set()
    await asyncio.wait_for(running, 5)

    assert time.monotonic() - begun < 2
    # How many messages came before the end is a matter of moments.
    *messages, last = [line.get("error", {}).get("code") for line in (await stream).lines]
    assert (set(messages) <= {None}, last) == (True, 14)
    answer = await stuck
    assert (answer.status, answer.json["code"]) == (503, 14)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(ask, port, "GET", "/healthz")
