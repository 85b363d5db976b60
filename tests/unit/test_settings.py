"""Settings: where they come from, what they may be, and how they reach another process."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from task_server.config import ConfigError, Settings, environment, load


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a configuration file."""

    def write(text: str) -> Path:
        file = tmp_path / "config.toml"
        file.write_text(text)
        return file

    return write


def test_the_defaults_go_together() -> None:
    assert load(environ={}) == Settings()


def test_an_argument_wins_over_the_environment_and_that_over_the_file(write: Any) -> None:
    file = write('log_level = "ERROR"\nhttp_address = "a:1"\ngrpc_address = "a:2"')
    environ = {"TASK_SERVER_HTTP_ADDRESS": "b:1", "TASK_SERVER_GRPC_ADDRESS": "b:2"}
    settings = load(file, environ, grpc_address="c:2", http_address=None)
    assert (settings.log_level, settings.http_address, settings.grpc_address) == ("ERROR", "b:1", "c:2")


def test_the_environment_may_name_the_file(write: Any) -> None:
    assert load(environ={"TASK_SERVER_CONFIG": str(write("database_threads = 3"))}).database_threads == 3


def test_variables_of_others_are_not_ours() -> None:
    assert load(environ={"HOME": "/", "LOG_LEVEL": "loud", "task_server_log_level": "loud"}) == Settings()


@pytest.mark.parametrize(
    ("toml", "name", "value"),
    [
        ('data_dir = "/var/lib/t"', "data_dir", Path("/var/lib/t")),
        ("max_call_seconds = 5", "max_call_seconds", 5.0),
        ("reflection = false", "reflection", False),
        ('worker_queues = ["a", " b "]', "worker_queues", ("a", "b")),
        ('worker_queues = "a, b,"', "worker_queues", ("a", "b")),
        ("worker_concurrency = 0", "worker_concurrency", 0),
        ("stop_grace_seconds = 0", "stop_grace_seconds", 0.0),
        ('max_lost_attempts = "7"', "max_lost_attempts", 7),
        ("retain_executions_seconds = 0", "retain_executions_seconds", 0.0),
    ],
)
def test_a_value_has_the_type_of_its_setting(write: Any, toml: str, name: str, value: object) -> None:
    found = getattr(load(write(toml), {}), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("data_dir = 5", "data_dir must be a path, not 5"),
        ('log_level = ["INFO"]', r"log_level must be a text, not \['INFO'\]"),
        ("database_threads = 1.5", "database_threads must be a whole number, not 1.5"),
        ("database_threads = true", "database_threads must be a whole number, not True"),
        ('database_threads = "many"', "database_threads must be a whole number, not 'many'"),
        ("max_call_seconds = true", "max_call_seconds must be a number, not True"),
        ("max_call_seconds = 2026-01-01", "max_call_seconds must be a number"),
        ('reflection = "yes"', "reflection must be true or false, not 'yes'"),
        ("worker_queues = [1]", r"worker_queues must be a list of texts, not \[1\]"),
        ("worker_queues = {a = 1}", "worker_queues must be a list of texts"),
        ('egress_ports = ["http"]', "egress_ports must be a list of whole numbers"),
        ("egress_ports = [true]", "egress_ports must be a list of whole numbers"),
        ("egress_ports = [80.5]", "egress_ports must be a list of whole numbers"),
        ("egress_ports = 80", "egress_ports must be a list of whole numbers"),
        ("max_call_seconds = 0", "max_call_seconds must be more than 0"),
        ("max_call_seconds = nan", "max_call_seconds must be more than 0"),
        ("max_call_seconds = inf", "max_call_seconds must be more than 0"),
        ("max_timeout_seconds = -1", "max_timeout_seconds must be more than 0"),
        ("worker_concurrency = -1", "worker_concurrency must be 0 or more"),
        ("drain_seconds = -0.5", "drain_seconds must be 0 or more"),
        ("lease_seconds = 14", "lease_seconds must be at least 3 times heartbeat_seconds"),
        (
            "heartbeat_seconds = 0.05\nstop_poll_seconds = 0.05",
            "heartbeat_seconds must be at least 0.1: half of it is left",
        ),
        ("stop_poll_seconds = 6", "stop_poll_seconds must not be more than heartbeat_seconds"),
        ("max_timeout_seconds = 10", "default_timeout_seconds must not be more than max_timeout_seconds"),
        ("retain_events = -1", "retain_events must be 0 or more"),
        ("clean_interval_seconds = 0", "clean_interval_seconds must be more than 0"),
        ("retain_events_seconds = 29", "retain_events_seconds must be 0 or at least max_call_seconds"),
        ("retain_executions_seconds = 29.9", "retain_executions_seconds must be 0 or at least max_call_seconds"),
        ('database_url = "mysql://h/d"', "database_url must begin with sqlite:/// or postgresql://"),
        ('broker_url = "amqp://h"', "broker_url must begin with redis://"),
        ('http_address = "localhost"', "http_address must be host:port"),
        ('http_address = "localhost:http"', "http_address must be host:port"),
        ('http_address = "localhost:65536"', "http_address must be host:port"),
        ('trusted_proxies = ["10.0.0.1/8"]', "trusted_proxies must be networks, as 10.1.0.0/16, not '10.0.0.1/8'"),
        ("rate_per_token = -1", "rate_per_token must be 0 or more"),
        ("burst_per_owner = 0", "burst_per_owner must be more than 0"),
        ("worker_queues = []", "worker_queues must name at least one queue"),
        ('log_level = "debug"', "log_level must be DEBUG, INFO, WARNING or ERROR"),
        ('log_format = "xml"', "log_format must be text or json"),
        ('nonsense = "1"', r"the file sets 'nonsense', which is no setting; the settings are data_dir, "),
        ("log_level = INFO", "is not TOML"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(write: Any, toml: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(write(toml), {})


def test_all_values_that_are_wrong_are_told_at_once(write: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write('log_level = "loud"\nlog_format = "xml"\ndatabase_threads = 0'), {})
    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing.toml can not be read: No such file"):
        load(tmp_path / "missing.toml", {})
    (tmp_path / "latin.toml").write_bytes(b'log_level = "\xff"')
    with pytest.raises(ConfigError, match="is not TOML"):
        load(tmp_path / "latin.toml", {})


def test_another_process_gets_the_same_settings() -> None:
    changed = Settings(
        data_dir=Path("/var/lib/t"),
        database_url="postgresql://u:p@h/n?a=b",
        secret_key_file="/run/key",
        reflection=False,
        max_call_seconds=0.1 + 0.2,
        worker_queues=("a", "b.c-d"),
        egress_allow=("127.0.0.0/8=*", "fd00::/8=8000+9000"),
        egress_ports=(443, 8443),
        egress_proxy="http://127.0.0.1:4750",
        egress_proxy_credentials="u:p",
        log_format="json",
    )
    for settings in (Settings(), changed):
        given = environment(settings)
        assert len(given) == len(fields(Settings))
        assert load(environ=given) == settings


def test_files_lie_in_the_data_directory_unless_named() -> None:
    plain = Settings(data_dir=Path("/d"))
    assert (plain.database, plain.secret_key_path) == ("sqlite:////d/task-manager.db", Path("/d/secret.key"))
    named = Settings(data_dir=Path("/d"), database_url="sqlite:///x.db", secret_key_file="/k")
    assert (named.database, named.secret_key_path) == ("sqlite:///x.db", Path("/k"))


@pytest.mark.parametrize(
    ("toml", "seconds"), [("", 3.0), ("stop_grace_seconds = 10", 12.0), ("max_call_seconds = 2", 1.6)]
)
def test_a_stop_waits_for_its_child_and_not_longer_than_a_call_may_take(write: Any, toml: str, seconds: float) -> None:
    assert load(write(toml), {}).stop_wait_seconds == pytest.approx(seconds)


def test_ports_are_read_from_the_file_and_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("egress_ports = [443, 8443]")
    assert load(tmp_path / "settings.toml", {}).egress_ports == (443, 8443)
    assert load(environ={"TASK_SERVER_EGRESS_PORTS": "443, 8443"}).egress_ports == (443, 8443)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"egress_ports": ()}, "egress_ports must name at least one port, as 443"),
        ({"egress_ports": (443, 70_000)}, "egress_ports: 70000 is not between 1 and 65535"),
        ({"egress_proxy": "proxy:4750"}, "egress_proxy must be http://host:port"),
        ({"egress_proxy": "https://proxy:4750"}, "egress_proxy must be http://host:port"),
        (
            {"egress_proxy": "http://u:p@proxy:1"},
            "egress_proxy must not have credentials in it; set egress_proxy_credentials",
        ),
        ({"egress_proxy_credentials": "u:secret"}, "egress_proxy_credentials needs egress_proxy"),
        (
            {"egress_proxy": "http://proxy:1", "egress_proxy_credentials": "secret"},
            "egress_proxy_credentials must be user:password",
        ),
        (
            {"egress_proxy": "http://proxy:1", "egress_proxy_credentials": "u:secret\r\nX: y"},
            "egress_proxy_credentials must be user:password",
        ),
    ],
)
def test_settings_of_egress_go_together(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(**given)
    assert str(caught.value) == wrong
    assert "secret" not in str(caught.value)


def test_credentials_are_not_shown() -> None:
    assert "geheim" not in repr(Settings(egress_proxy="http://proxy:1", egress_proxy_credentials="u:geheim"))
