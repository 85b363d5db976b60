"""JSON Web Tokens and client certificates through the real ports, and that a gateway lends its certificate to nobody."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from acceptance_stack import Stack, eventually
from tests.certificates import Authority, Pair
from tests.unit.auth.issuer_world import AUDIENCE, ISSUER, OTHER_RSA, KeyServer, token

from task_manager import TaskClient, TaskManagerError

CALLERS = f"""
[[issuer]]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks_url = "JWKS_URL"
user_id_prefix = "example:"
roles = {{ tasks-editor = "editor", tasks-viewer = "viewer" }}

[[certificate]]
dns = "billing.example.com"
user_id = "billing"
role = "editor"

# A mistake of the operator's: the gateway's own certificate.
[[certificate]]
dns = "gateway"
user_id = "gateway"
role = "admin"
"""


class Ways:
    """A stack that asks for certificates, and what its callers have."""

    def __init__(self, home: Path, make_stack: Callable[..., Stack], keys: KeyServer) -> None:
        self.servers, self.callers = Authority(home / "servers"), Authority(home / "callers")
        server, self.gateway = self.servers.issue("localhost", "127.0.0.1"), self.callers.issue("gateway")
        self.file = home / "callers.toml"
        self.file.write_text(CALLERS.replace("JWKS_URL", keys.url))
        self.stack = make_stack(
            TLS_CERT_FILE=str(server.cert),
            TLS_KEY_FILE=str(server.key),
            TLS_CLIENT_CA_FILE=str(self.callers.file),
            GATEWAY_TARGET_CA_FILE=str(self.servers.file),
            GATEWAY_TARGET_CERT_FILE=str(self.gateway.cert),
            GATEWAY_TARGET_KEY_FILE=str(self.gateway.key),
            CALLERS_FILE=str(self.file),
        )
        self.stack.start()

    @contextlib.contextmanager
    def client(self, caller: Pair, bearer: str = "") -> Iterator[TaskClient]:
        credentials = grpc.ssl_channel_credentials(self.servers.pem, caller.key.read_bytes(), caller.cert.read_bytes())
        with TaskClient(self.stack.grpc_address, bearer, credentials=credentials, patience=0) as client:
            yield client

    def rest(self, *lines: bytes, path: str = "/api/tasks", version: str = "1.1") -> str:
        """The status line and the rest of an answer to a request made by hand."""
        host, _, port = self.stack.http_address.rpartition(":")
        context = ssl.create_default_context(cadata=self.servers.pem.decode())
        with (
            socket.create_connection((host, int(port)), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            head = f"GET {path} HTTP/{version}".encode()
            connection.sendall(b"\r\n".join([head, b"Connection: close", *lines, b"", b""]))
            return connection.makefile("rb").read().decode()


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    keys, stacks = KeyServer(), []

    def make(**settings: str) -> Stack:
        stacks.append(Stack(tmp_path_factory.mktemp("stack"), **settings))
        return stacks[-1]

    try:
        ways = Ways(tmp_path_factory.mktemp("ways"), make, keys)
        yield ways
        ways.stack.stop()
        assert ways.stack.faults() == []
    finally:
        for stack in stacks:
            stack.close()
        keys.close()


def fails(call: Callable[[], Any]) -> Any:
    with pytest.raises(TaskManagerError) as failure:
        call()
    return failure.value.code


def test_a_certificate_is_its_owner_where_no_token_comes(ways: Ways) -> None:
    with ways.client(ways.callers.issue("billing.example.com")) as client:
        task = client.create_task("sum", function_code="def add(): return 5", function_name="add")
        assert task.created_by.id == "billing"
        assert client.wait(task.task_id, timeout=60).result.number_value == 5
    with ways.client(ways.callers.issue("unknown.example.com")) as client:
        assert fails(lambda: list(client.list())) is grpc.StatusCode.UNAUTHENTICATED


def test_a_token_goes_before_the_certificate(ways: Ways) -> None:
    billing = ways.callers.issue("billing.example.com")
    with ways.client(billing, ways.stack.token("li")) as client:
        assert client.create_task("x", function_code="def f(): pass", function_name="f").created_by.id == "li"
    with ways.client(billing, f"tsk_{'0' * 16}_{'0' * 64}") as client:
        assert fails(lambda: list(client.list())) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ([b"Host: localhost"], "1.1"),
        ([], "1.0"),
        # Headers that the gateway can not pass on: nothing says any more that the call was passed on.
        ([b"X-Forwarded-For: \xff"], "1.0"),
        ([b"X-Forwarded-For: \xff", b"Grpc-Metadata-Authorization: \xff"], "1.0"),
        ([b"Host: localhost", b"Authorization: \xff"], "1.1"),
        ([b"Host: localhost", b"Authorization:"], "1.1"),
        ([b"Host: localhost", b"Authorization: Basic YTpi"], "1.1"),
        ([b"Host: localhost", b"Authorization: Bearer"], "1.1"),
        ([b"Host: localhost", b"Authorization: Bearer "], "1.1"),
    ],
)
def test_the_gateway_lends_its_certificate_to_nobody(ways: Ways, lines: list[bytes], version: str) -> None:
    for path in ("/api/tasks", "/api/tasks/watch"):
        assert ways.rest(*lines, path=path, version=version).split()[1] == "401"
    # It is the operator's mistake that makes this an attack: by itself that certificate is somebody here.
    with ways.client(ways.gateway) as client:
        list(client.list())


def test_another_gateways_certificate_is_lent_to_nobody_either(ways: Ways) -> None:
    credentials = grpc.ssl_channel_credentials(
        ways.servers.pem, ways.gateway.key.read_bytes(), ways.gateway.cert.read_bytes()
    )
    with grpc.secure_channel(ways.stack.grpc_address, credentials) as channel:
        call = channel.unary_unary("/task_manager.v1.TaskService/ListTasks")
        call(b"", timeout=30)
        for key in ("x-forwarded-for", "x-forwarded-host", "grpcgateway-user-agent", "forwarded", "via", "x-real-ip"):
            with pytest.raises(grpc.RpcError) as refusal:
                call(b"", timeout=30, metadata=((key, "x"),))
            assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_json_web_token_is_its_user_over_both_ports(ways: Ways) -> None:
    text = token(sub="li")
    with ways.client(ways.callers.issue("anybody"), text) as client:
        task = client.create_task("sum", function_code="def add(): return 5", function_name="add")
        assert task.created_by.id == "example:li"
    answer = ways.rest(b"Host: localhost", f"Authorization: Bearer {text}".encode(), path=f"/api/tasks/{task.task_id}")
    assert answer.split()[1] == "200"
    other = f"Authorization: Bearer {token(sub='other')}".encode()
    assert ways.rest(b"Host: localhost", other, path=f"/api/tasks/{task.task_id}").split()[1] == "404"
    with ways.client(ways.callers.issue("anybody"), token(roles="tasks-viewer")) as client:
        assert (
            fails(lambda: client.create_task("x", function_code="def f(): pass", function_name="f"))
            is grpc.StatusCode.PERMISSION_DENIED
        )
    for forged in (token(OTHER_RSA), token(aud="other"), token(exp=int(time.time()) - 5)):
        assert ways.rest(b"Host: localhost", f"Authorization: Bearer {forged}".encode()).split()[1] == "401"
        assert forged not in ways.stack.logged()


def test_an_open_watch_ends_with_its_token(ways: Ways) -> None:
    expires = int(time.time()) + 3
    with ways.client(ways.callers.issue("anybody"), token(exp=expires)) as client:
        assert fails(lambda: list(client.watch())) is grpc.StatusCode.UNAUTHENTICATED
    assert expires <= time.time() < expires + 25


def test_a_certificate_that_is_taken_out_of_the_table_is_let_in_no_more(ways: Ways) -> None:
    text = ways.file.read_text()
    with ways.client(ways.callers.issue("billing.example.com")) as client:
        list(client.list())
        watch = client.watch()
        next(watch)
        ways.file.write_text(text.replace('"billing.example.com"', '"gone.example.com"'))
        try:
            began = time.monotonic()
            assert fails(lambda: list(watch)) is grpc.StatusCode.UNAUTHENTICATED
            assert time.monotonic() - began < 25
            assert fails(lambda: list(client.list())) is grpc.StatusCode.UNAUTHENTICATED
        finally:
            ways.file.write_text(text)
        eventually(lambda: _works(client), what="let in again")


def _works(client: TaskClient) -> bool:
    try:
        list(client.list())
    except TaskManagerError:
        return False
    return True
