from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from tests.certificates import Authority

from task_manager.endpoint import DEFAULT_ADDRESS, Endpoint, is_local

LOCAL = [
    "localhost:50051",
    "localhost",
    "127.0.0.1:50051",
    "127.8.9.1:1",
    "[::1]:50051",
    "::1",
    "dns:///localhost:50051",
    "ipv4:127.0.0.1:50051",
    "ipv6:[::1]:50051",
    "unix:/run/tasks.sock",
    "unix:///run/tasks.sock",
    "unix-abstract:tasks",
]
ELSEWHERE = [
    "tasks.example.com:443",
    "tasks.example.com",
    "10.0.0.1:50051",
    "0.0.0.0:50051",
    "[2001:db8::1]:50051",
    "localhost.example.com:1",
    "dns:///10.0.0.1:1",
    "ipv4:127.0.0.1:1,10.0.0.1:1",
    "dns://8.8.8.8/localhost:1",
]


@pytest.mark.parametrize("address", LOCAL)
def test_plain_text_stays_on_this_machine(address: str) -> None:
    assert is_local(address)
    assert Endpoint.resolve(address, "").credentials is None
    assert ("grpc.enable_http_proxy", 0) in Endpoint.resolve(address, "").options


@pytest.mark.parametrize("address", ELSEWHERE)
def test_tls_is_used_everywhere_else_unless_plain_text_is_asked_for(address: str) -> None:
    assert not is_local(address)
    assert Endpoint.resolve(address, "").credentials is not None
    assert Endpoint.resolve(address, "", insecure=True).credentials is None


def test_given_credentials_are_used_on_loopback_too() -> None:
    credentials = grpc.ssl_channel_credentials()
    assert Endpoint.resolve("127.0.0.1:1", "", credentials=credentials).credentials is credentials


def test_arguments_win_over_the_environment_and_that_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Endpoint.resolve(None, None).address == DEFAULT_ADDRESS
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", "localhost:1")
    monkeypatch.setenv("TASK_MANAGER_TOKEN", "tsk_environment")
    assert Endpoint.resolve(None, None).address == "localhost:1"
    assert Endpoint.resolve(None, None).metadata == (("authorization", "Bearer tsk_environment"),)
    assert Endpoint.resolve("localhost:2", "tsk_given").metadata == (("authorization", "Bearer tsk_given"),)
    assert Endpoint.resolve("localhost:2", "").metadata == ()


def test_contradictions_and_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="is a URL; give the gRPC port"):
        Endpoint.resolve("http://127.0.0.1:8080", None)
    with pytest.raises(ValueError, match="contradict"):
        Endpoint.resolve(None, None, credentials=grpc.ssl_channel_credentials(), insecure=True)


@pytest.mark.parametrize("token", ["tsk_a\nx-evil: 1", "tsk_ä", "tsk_a b"])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="token: has characters") as caught:
        Endpoint.resolve(None, token)
    assert token not in str(caught.value)


def test_the_token_is_not_in_the_representation() -> None:
    assert "tsk_secret" not in repr(Endpoint.resolve(None, "tsk_secret"))


def test_files_mean_tls_on_loopback_too(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = authority.issue("caller")
    assert Endpoint.resolve("127.0.0.1:1", "", ca_file=authority.file).credentials is not None
    assert Endpoint.resolve("a:1", "", cert_file=pair.cert, key_file=str(pair.key)).credentials is not None
    monkeypatch.setenv("TASK_MANAGER_CA_FILE", str(authority.file))
    assert Endpoint.resolve("127.0.0.1:1", "").credentials is not None
    # What is given wins over the environment.
    assert Endpoint.resolve("127.0.0.1:1", "", insecure=True).credentials is None
    credentials = grpc.ssl_channel_credentials()
    assert Endpoint.resolve("127.0.0.1:1", "", credentials=credentials).credentials is credentials


def test_files_that_can_not_be_used_are_an_error_at_once(authority: Authority, tmp_path: Path) -> None:
    pair, other = authority.issue("caller"), authority.issue("other")
    (tmp_path / "none").write_text("none")
    for files, words in (
        ({"ca_file": tmp_path / "missing"}, "can not be used for TLS"),
        ({"ca_file": tmp_path / "none"}, "can not be used for TLS"),
        ({"cert_file": pair.cert, "key_file": other.key}, "can not be used for TLS"),
        ({"cert_file": pair.cert}, "go together"),
        ({"ca_file": authority.file, "insecure": True}, "contradict"),
        ({"ca_file": authority.file, "credentials": grpc.ssl_channel_credentials()}, "contradict"),
    ):
        with pytest.raises(ValueError, match=words):
            Endpoint.resolve("a:1", "", **files)  # type: ignore[arg-type]
