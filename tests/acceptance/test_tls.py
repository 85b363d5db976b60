"""The whole stack over TLS, and what refuses to start without it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from acceptance_grpcurl import require_grpcurl
from acceptance_stack import BARE, Stack, command, eventually
from tests.certificates import Authority
from tests.readme_pages import ENGLISH, blocks

from task_manager import TaskClient, TaskManagerError

#: An address of this machine that is not loopback is not needed: the wildcard has them all.
EVERYWHERE = "0.0.0.0:0"


class Certificates:
    """What the server, its clients and the gateway have."""

    def __init__(self, home: Path) -> None:
        self.servers, self.callers = Authority(home / "servers"), Authority(home / "callers")
        self.server = self.servers.issue("localhost", "127.0.0.1")
        self.gateway = self.callers.issue("gateway")

    def settings(self) -> dict[str, str]:
        return {
            "TLS_CERT_FILE": str(self.server.cert),
            "TLS_KEY_FILE": str(self.server.key),
            "GATEWAY_TARGET_CA_FILE": str(self.servers.file),
            "GATEWAY_TARGET_NAME": "localhost",
        }

    def mutual(self) -> dict[str, str]:
        """Settings of a server that asks for certificates."""
        return self.settings() | {
            "TLS_CLIENT_CA_FILE": str(self.callers.file),
            "GATEWAY_TARGET_CERT_FILE": str(self.gateway.cert),
            "GATEWAY_TARGET_KEY_FILE": str(self.gateway.key),
        }


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def shown(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    return ssl.get_server_certificate(("127.0.0.1" if host == "0.0.0.0" else host, int(port)), timeout=30).encode()


def rest(stack: Stack, certificates: Certificates, path: str, *more: str) -> subprocess.CompletedProcess[str]:
    port = stack.http_address.rpartition(":")[2]
    curl = shutil.which("curl")
    assert curl
    arguments = [curl, "-sS", "--cacert", str(certificates.servers.file), f"https://localhost:{port}{path}", *more]
    return subprocess.run(arguments, env=BARE, capture_output=True, text=True, timeout=60)


def test_up_serves_tls_on_both_ports_and_takes_new_certificates(
    make_stack: Callable[..., Stack], certificates: Certificates
) -> None:
    stack = make_stack(**certificates.settings())
    # Not only loopback: this is what TLS is for.
    stack.grpc_address = stack.http_address = EVERYWHERE
    stack.start()
    port = stack.grpc_address.rpartition(":")[2]
    bearer = ("-H", f"Authorization: Bearer {stack.admin_token}")
    with TaskClient(f"localhost:{port}", stack.admin_token, ca_file=certificates.servers.file) as client:
        task = client.create_task("sum", function_code="def add(): return 5", function_name="add")
        assert client.wait(task.task_id, timeout=60).result.number_value == 5
        assert f'"task_id":"{task.task_id}"' in rest(stack, certificates, f"/api/tasks/{task.task_id}", *bearer).stdout

        with closing(client.watch(task.task_id)) as watch:
            next(watch)
            renewed = certificates.servers.leaf("localhost", "127.0.0.1")
            renewed.write(certificates.server)
            for address in (stack.grpc_address, stack.http_address):
                eventually(lambda at=address: shown(at) in renewed.chain, what="the new one is shown")
            # The stream of before is the same one.
            client.delete(task.task_id)
            assert any(event.HasField("task") for event in watch)
    # Plain text is no way in.
    with (
        TaskClient(f"127.0.0.1:{port}", stack.admin_token, timeout=3, patience=0) as client,
        pytest.raises(TaskManagerError) as refusal,
    ):
        client.get(task.task_id)
    assert refusal.value.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    stack.stop()
    assert stack.faults() == []


# Building grpcurl, where there is none, takes two minutes.
@pytest.mark.timeout(600)
def test_the_readmes_example_does_what_it_says(
    make_stack: Callable[..., Stack], certificates: Certificates, tmp_path: Path
) -> None:
    stack = make_stack(**certificates.settings())
    stack.start()
    shutil.copy(certificates.servers.file, tmp_path / "ca.pem")
    (example,) = [block.text for block in blocks(ENGLISH) if "-cacert ca.pem" in block.text]
    for default, address in (("50051", stack.grpc_address), ("8080", stack.http_address)):
        example = re.sub(rf"\w[\w.]*:{default}", f"localhost:{address.rpartition(':')[2]}", example)
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example],
        cwd=tmp_path,
        env=BARE
        | {
            "TASK_MANAGER_TOKEN": stack.admin_token,
            "PATH": f"{require_grpcurl().parent}{os.pathsep}{BARE['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("watch_token") == 2
    health = command("health")
    settings = stack.environment | {"TASK_SERVER_GRPC_ADDRESS": stack.grpc_address}
    assert subprocess.run(health, env=settings, timeout=60).returncode == 0
    settings.pop("TASK_SERVER_GATEWAY_TARGET_CA_FILE")
    assert subprocess.run(health, env=settings, timeout=60, capture_output=True).returncode == 1
    stack.stop()


def test_the_gateway_shows_its_certificate_and_takes_a_new_one(
    make_stack: Callable[..., Stack], certificates: Certificates
) -> None:
    stack = make_stack(**certificates.mutual())
    stack.start()
    bearer = ("-H", f"Authorization: Bearer {stack.admin_token}")
    assert '"tasks":[]' in rest(stack, certificates, "/api/tasks", *bearer).stdout
    assert "401" in rest(stack, certificates, "/api/tasks", "-w", "%{http_code}").stdout
    # The old one's authority is gone, and so is the connection that was made with it.
    fresh = Authority(certificates.callers.file.parent / "fresh")
    fresh.leaf("gateway").write(certificates.gateway)
    certificates.callers.file.write_bytes(fresh.pem)
    stack.kill_role("server")
    eventually(lambda: '"tasks":[]' in rest(stack, certificates, "/api/tasks", *bearer).stdout, what="served again")
    stack.stop()


def refused(*arguments: str, **settings: str) -> str:
    """The one line of a process that does not start."""
    environment = BARE | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
    ended = subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (1, 2), ended
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("role", "name"),
    [("server", "GRPC_ADDRESS"), ("gateway", "HTTP_ADDRESS"), ("up", "GRPC_ADDRESS"), ("up", "HTTP_ADDRESS")],
)
def test_nothing_listens_for_other_machines_in_plain_text(role: str, name: str, tmp_path: Path) -> None:
    line = refused(role, "--data-dir", str(tmp_path), **{name: "0.0.0.0:7"})
    assert f"{name.lower()} 0.0.0.0:7" in line
    assert "set tls_cert_file and tls_key_file, or insecure (--insecure)" in line


def test_up_listens_for_other_machines_where_it_is_told_to(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(INSECURE="true")
    stack.grpc_address = EVERYWHERE
    stack.start()
    stack.stop()


def test_a_certificate_that_is_none_stops_the_start(tmp_path: Path, certificates: Certificates) -> None:
    certificates.server.cert.write_text("none")
    settings = certificates.settings()
    line = refused("gateway", "--data-dir", str(tmp_path), **settings)
    assert f"{certificates.server.cert} and {certificates.server.key} are no certificate with its key" in line
    settings.pop("TLS_KEY_FILE")
    assert "tls_cert_file and tls_key_file go together" in refused("gateway", "--data-dir", str(tmp_path), **settings)


def test_up_says_what_its_gateway_lacks(tmp_path: Path, certificates: Certificates) -> None:
    settings = certificates.mutual()
    settings.pop("GATEWAY_TARGET_CERT_FILE")
    settings.pop("GATEWAY_TARGET_KEY_FILE")
    assert "set gateway_target_cert_file" in refused("up", "--data-dir", str(tmp_path), **settings)
    settings.pop("GATEWAY_TARGET_CA_FILE")
    settings.pop("GATEWAY_TARGET_NAME")
    assert "set gateway_target_ca_file" in refused("up", "--data-dir", str(tmp_path), **settings)


def test_a_silent_caller_holds_up_nobody(make_stack: Callable[..., Stack], certificates: Certificates) -> None:
    stack = make_stack(**certificates.settings())
    stack.start()
    silent = []
    for address in (stack.grpc_address, stack.http_address):
        host, _, port = address.rpartition(":")
        silent += [socket.create_connection((host, int(port))) for _ in range(50)]
    assert (
        '"tasks":[]'
        in rest(stack, certificates, "/api/tasks", "-H", f"Authorization: Bearer {stack.admin_token}").stdout
    )
    for connection in silent:
        connection.close()
    stack.stop()
