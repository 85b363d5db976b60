"""The container files by parsing alone: what they name exists, and what should be locked down is."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from task_server.cli.main import build_parser
from task_server.config import PREFIX, ConfigError, Settings, load
from task_server.tls.plaintext import check_listener

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ROLES = ("migrate", "server", "gateway", "worker", "scheduler", "tracker")


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "server/Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def settings_of(environment: dict[str, str], tmp_path: Path) -> Settings:
    """Read the variables as the container would, with a value in place of each secret file."""
    values = {
        "TASK_SERVER_DATABASE_URL_FILE": "postgresql://u:p@postgres/x",
        "TASK_SERVER_BROKER_URL_FILE": "redis://redis/0",
        "TASK_SERVER_SEALING_KEYS_FILE": "1" * 64,
    }
    given = dict(environment)
    for name in values.keys() & given.keys():
        (tmp_path / name).write_text(values[name])
        given[name] = str(tmp_path / name)
    return load(environ=given)


def test_the_services_are_all_there_and_twice_where_they_share_work() -> None:
    assert set(SERVICES) == {*ROLES, "postgres", "redis"}
    replicas = {name: service.get("deploy", {}).get("replicas", 1) for name, service in SERVICES.items()}
    assert (replicas["worker"], replicas["scheduler"]) == (2, 2)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")


def test_only_grpc_and_rest_are_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"server": ["127.0.0.1:50051:50051"], "gateway": ["127.0.0.1:8080:8080"]}
    assert COMPOSE["networks"]["backend"] == {"internal": True}
    assert all("backend" in service["networks"] for service in SERVICES.values())


@pytest.mark.parametrize("name", ROLES)
def test_each_role_is_a_command_with_settings_that_exist(name: str, tmp_path: Path) -> None:
    service = SERVICES[name]
    arguments = build_parser().parse_args(service["command"])
    assert arguments.process == name
    settings = settings_of(service["environment"], tmp_path)
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > settings.drain_seconds + settings.stop_grace_seconds
    assert grace > settings.max_call_seconds


@pytest.mark.parametrize("name", SERVICES)
def test_each_secret_dependency_network_and_volume_is_declared(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    used = re.findall(r"/run/secrets/(\w+)", yaml.safe_dump(service))
    assert set(used) == set(service.get("secrets", []))
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    for other, wanted in service.get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert other == "server" or "test" in SERVICES[other]["healthcheck"]
        else:
            assert (other, wanted["condition"]) == ("migrate", "service_completed_successfully")
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"]


def test_no_secret_is_in_the_repository() -> None:
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert all(Path(secret["file"]).parts[0] == "secrets" for secret in COMPOSE["secrets"].values())


@pytest.mark.parametrize(("name", "check"), [("server", "grpc_address"), ("gateway", "http_address")])
def test_what_listens_for_other_containers_starts_and_says_why_it_may(name: str, check: str, tmp_path: Path) -> None:
    image = dict(pair.split("=", 1) for kind, rest in instructions() if kind == "ENV" for pair in shlex.split(rest))
    own = {key: value for key, value in image.items() if key.startswith(PREFIX)}
    with pytest.raises(ConfigError, match="set tls_cert_file"):
        check_listener(load(environ=own), check)
    check_listener(settings_of(own | SERVICES[name]["environment"], tmp_path), check)
    before = (ROOT / "docker-compose.yml").read_text().split("TASK_SERVER_INSECURE:")[:-1]
    assert all(text.rstrip().splitlines()[-1].lstrip().startswith("#") for text in before)


def test_the_image_copies_files_that_exist_and_that_the_build_context_has() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for kind, rest in instructions():
        if kind == "COPY" and not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                assert (ROOT / source).exists(), source
                assert source in kept


def test_the_image_runs_a_command_of_ours_as_a_numbered_user() -> None:
    steps = instructions()
    last = dict(steps)
    assert last["USER"] == "10001:10001"
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert last["ENTRYPOINT"] == '["task-server"]'
    assert "task-server" in scripts
    assert 'CMD ["task-server", "health"]' in last["HEALTHCHECK"]
    environment = dict(pair.split("=", 1) for kind, rest in steps if kind == "ENV" for pair in shlex.split(rest))
    settings = load(environ={name: value for name, value in environment.items() if name.startswith(PREFIX)})
    assert settings.grpc_address == "0.0.0.0:50051"
    assert SERVICES["server"]["ports"] == ["127.0.0.1:50051:50051"]
