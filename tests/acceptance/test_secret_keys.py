"""Keys of secrets: changed while everything runs, and missed loudly where they are not there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_echo import Echo
from acceptance_house import House
from acceptance_stack import Stack, eventually
from tests.processes import command

from task_manager import SealingUnavailable, TaskClient
from task_manager.v1.execution_pb2 import TaskExecution
from task_server.sealing.keys import new_key

EGRESS = "127.0.0.1/32=*"
SECRET = "what nobody reads"


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


def run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the operator's commands, on the stack's directory."""
    return subprocess.run(
        command(*arguments, "--data-dir", str(stack.data_dir)),
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def create(client: TaskClient, echo: Echo, **fields: Any) -> str:
    made = client.create_task(
        "call",
        api_url=f"{echo.url}/echo",
        headers={"X-Value": "{{secrets.V}}"},
        secrets={"V": SECRET},
        **fields,
    )
    return made.task_id


def has_secret(echo: Echo) -> bool:
    (request,) = echo.received()
    return f"X-Value: {SECRET}".encode() in request


def test_a_key_is_replaced_while_everything_runs(make_stack: Callable[..., Stack], echo: Echo) -> None:
    stack = make_stack(EGRESS_ALLOW=EGRESS)
    stack.start()
    client = stack.client()
    key_file = stack.data_dir / "sealing.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    old = key_file.read_text().strip()
    task_id = create(client, echo)
    assert client.wait(task_id, timeout=60).status == TaskExecution.SUCCESS
    assert has_secret(echo)

    rotated = run(stack, "secrets", "rotate")
    assert (rotated.returncode, rotated.stderr) == (0, "")
    assert key_file.read_text().split()[1:] == [old]
    # Sealed with the new key by a server, and opened by a worker, that were there before it was.
    second = create(client, echo)
    assert client.wait(second, timeout=60).status == TaskExecution.SUCCESS
    assert has_secret(echo)

    sealed = run(stack, "secrets", "reencrypt")
    assert (sealed.returncode, sealed.stderr) == (0, "")
    said, *keys = sealed.stdout.splitlines()
    assert said == "sealed anew: 1, changed meanwhile: 0, not opened: 0"
    assert len(keys) == 1
    assert keys[0].endswith(": 2 secrets")
    for each in (old, key_file.read_text().split()[0], SECRET):
        assert each not in rotated.stdout + sealed.stdout + stack.logged()

    # The old key goes, and nothing needs it: what runs, and what is started anew.
    key_file.write_text(key_file.read_text().split()[0] + "\n")
    client.run(task_id)
    eventually(lambda: client.get(task_id).status == TaskExecution.SUCCESS and client.get(task_id).run_count == 2)
    assert has_secret(echo)
    stack.stop()
    stack.start()
    client = stack.client()
    client.run(task_id)
    eventually(lambda: client.get(task_id).run_count == 3 and client.get(task_id).status == TaskExecution.SUCCESS)
    assert has_secret(echo)


def test_without_the_key_nothing_starts_and_with_it_all_goes_on(make_stack: Callable[..., Stack], echo: Echo) -> None:
    stack = make_stack(EGRESS_ALLOW=EGRESS)
    stack.start()
    task_id = create(stack.client(), echo, delay_seconds=3600)
    stack.stop()
    key_file = stack.data_dir / "sealing.key"
    old = key_file.read_text()
    key_file.write_text(new_key() + "\n")
    for role in ("server", "worker"):
        refused = run(stack, role)
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert "1 stored secrets are sealed with keys that are not here" in refused.stderr
        assert "add those to sealing_key_file" in refused.stderr
    key_file.write_text(key_file.read_text() + old)
    stack.start()
    stack.client().run(task_id)
    eventually(echo.has_received)
    assert has_secret(echo)


def test_a_worker_that_loses_the_key_says_so_and_sends_nothing(make_stack: Callable[..., Stack], echo: Echo) -> None:
    stack = make_stack(EGRESS_ALLOW=EGRESS, MAX_LOST_ATTEMPTS="1")
    stack.start()
    client = stack.client()
    task_id = create(client, echo, delay_seconds=3600)
    key_file = stack.data_dir / "sealing.key"
    key_file.write_text(new_key() + "\n")
    client.run(task_id)
    failed = eventually(
        lambda: next(
            (each for each in client.list_executions(parent_task=task_id, view="FULL") if each.failure_reason), None
        )
    )
    assert failed.failure_reason == TaskExecution.SECRET_UNAVAILABLE
    assert failed.error.endswith("The worker could not open the secrets of the task; nothing was sent.")
    assert echo.received() == []
    assert "the value 'V' was sealed with key" in stack.logged()
    assert SECRET not in stack.logged()


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_key_that_others_may_read_is_refused(make_stack: Callable[..., Stack], mode: int, tmp_path: Path) -> None:
    stack = make_stack(SEALING_KEY_FILE=str(tmp_path / "keys"))
    stack.data_dir.mkdir()
    (tmp_path / "keys").write_text(new_key())
    (tmp_path / "keys").chmod(mode)
    assert run(stack, "prepare").returncode == 0
    refused = run(stack, "server")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"others may read or write the sealing key file {tmp_path / 'keys'}; run: chmod 400" in refused.stderr


def test_a_key_of_the_environment_reaches_only_those_who_need_it(make_stack: Callable[..., Stack], echo: Echo) -> None:
    key = new_key()
    stack = make_stack(EGRESS_ALLOW=EGRESS, SEALING_KEYS=key)
    stack.start()
    client = stack.client()
    assert client.wait(create(client, echo), timeout=60).status == TaskExecution.SUCCESS
    assert has_secret(echo)
    assert not (stack.data_dir / "sealing.key").exists()
    assert key not in stack.logged()
    rotated = run(stack, "secrets", "rotate")
    assert (rotated.returncode, "which only you can change" in rotated.stderr) == (1, True)
    with_key = {stack.pid(role) for role in ("server", "worker")}
    for pid in stack.processes():
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert (key.encode() in environment) == (pid in with_key), pid
    assert key.encode() not in b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in stack.processes())


def test_who_has_no_key_takes_no_secret(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        assert house.once("migrate").returncode == 0
        house.begin_server()
        with TaskClient(house.grpc_address, house.token()) as client:
            for secret in ({"headers": {"Authorization": "Bearer x"}}, {"secrets": {"V": SECRET}}):
                with pytest.raises(SealingUnavailable, match="set sealing_key_file") as caught:
                    client.create_task("call", api_url="https://example.com/", **secret)  # type: ignore[arg-type]
                assert (caught.value.code.name, caught.value.metadata) == (
                    "FAILED_PRECONDITION",
                    {"setting": "sealing_key_file"},
                )
            assert client.create_task("call", api_url="https://example.com/", headers={"X-A": "b"}).task_id
            assert len(list(client.list())) == 1
        refused = house.once("secrets", "reencrypt")
        assert (refused.returncode, "there is no key: set sealing_key_file" in refused.stderr) == (1, True)
        refused = house.once("secrets", "rotate")
        assert (refused.returncode, "sealing.key can not be read" in refused.stderr) == (1, True)
    finally:
        house.close()
