"""Settings from files that hold secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from task_server.config import ConfigError, environment, load


def test_a_variable_with_file_names_the_file_that_holds_the_value(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    secret.write_text("postgresql://u:p@host/name\n")
    assert load(environ={"TASK_SERVER_DATABASE_URL_FILE": str(secret)}).database == "postgresql://u:p@host/name"


def test_a_setting_that_is_itself_a_file_stays_a_path() -> None:
    assert load(environ={"TASK_SERVER_SECRET_KEY_FILE": "/run/secrets/key"}).secret_key_path == Path("/run/secrets/key")


def test_a_secret_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"TASK_SERVER_BROKER_URL_FILE names .*missing, which can not be read: No such file"
    ):
        load(environ={"TASK_SERVER_BROKER_URL_FILE": str(tmp_path / "missing")})


def test_a_value_wins_over_a_file_for_it(tmp_path: Path) -> None:
    # A worker hands its settings on to Celery's processes as values, with the variables of its container still set.
    (tmp_path / "url").write_text("redis://file/0")
    file = {"TASK_SERVER_BROKER_URL_FILE": str(tmp_path / "url")}
    settings = load(environ=file)
    assert settings.broker_url == "redis://file/0"
    assert load(environ=file | environment(settings)) == settings
    assert load(environ=file | {"TASK_SERVER_BROKER_URL": "redis://value/0"}).broker_url == "redis://value/0"


def test_an_unknown_name_is_refused_with_and_without_file() -> None:
    for name in ("TASK_SERVER_NONSENSE", "TASK_SERVER_NONSENSE_FILE"):
        with pytest.raises(ConfigError, match="which is no setting"):
            load(environ={name: "1"})
