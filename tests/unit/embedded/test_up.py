"""`task-server up` where it can not start: one clear line, a status that is not 0, and nothing left running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from task_server.config import Settings, load
from task_server.embedded import up as up_module
from task_server.embedded.data_dir import DataDir
from task_server.embedded.readiness import is_serving
from task_server.embedded.up import child_environment

WITHOUT_SETTINGS = {name: value for name, value in os.environ.items() if not name.startswith("TASK_SERVER_")}


def up(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "task_server", "up", "--http-address", "127.0.0.1:0", *arguments],
        env=WITHOUT_SETTINGS | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_refused(result: subprocess.CompletedProcess[str], reason: str) -> None:
    assert result.returncode != 0
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("task-server: ")
    assert reason in result.stderr


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        result = up("--data-dir", str(tmp_path), "--grpc-address", address)
    assert_refused(result, f"grpc_address {address}: the port is in use by another program")
    assert not (tmp_path / "broker" / "broker.sock").exists()


def test_a_data_directory_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(up("--data-dir", str(tmp_path / "file" / "d")), "can not be used: Not a directory")


def test_a_data_directory_in_use(tmp_path: Path) -> None:
    with DataDir(tmp_path):
        assert_refused(up("--data-dir", str(tmp_path)), "in use by another `task-server up`")


def test_a_file_where_the_broker_wants_its_directory(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("")
    assert_refused(up("--data-dir", str(tmp_path), "--grpc-address", "127.0.0.1:0"), "broker: File exists")


def test_the_children_get_exactly_these_settings() -> None:
    settings = Settings(egress_allow=("127.0.0.0/8", "::1/128"), worker_queues=("a", "b"), reflection=False)
    own = {"PATH": "/bin", "TASK_SERVER_CONFIG": "/no/such.toml", "TASK_SERVER_LOG_LEVEL": "DEBUG"}
    environment = child_environment(own, settings)
    assert environment["PATH"] == "/bin"
    assert load(environ=environment) == settings


@pytest.mark.parametrize(
    ("answer", "serving"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False), (b"", False)],
)
def test_serving_is_what_the_health_page_says(answer: bytes, serving: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(1024).startswith(b"GET /healthz HTTP/1.1\r\n")
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert is_serving(f"0.0.0.0:{server.getsockname()[1]}") is serving
        thread.join()
        port = server.getsockname()[1]
    assert not is_serving(f"127.0.0.1:{port}")


def test_a_start_that_is_long_in_coming_says_once_what_to_look_at(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up_module, "_TELL_SECONDS", 0.0)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        look = up_module._serving(Settings(http_address=address, tls_cert_file="c.pem", tls_key_file="k.pem"))
        assert not look()
        assert not look()
    assert [record.getMessage() for record in caplog.records] == [
        (
            "the gateway does not reach a healthy server yet; if it does not trust the server, look at gateway_target_ca_file and "
            "gateway_target_name"
        )
    ]
