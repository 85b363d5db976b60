"""The passwords of broker and database stay out of what processes print and of their command lines, also where all fails."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.processes import BARE, command, command_line, descendants, free_port

from task_server.config import Settings

SECRET = "hunter2hunter2"


def run(*arguments: str, **settings: str) -> tuple[int, str]:
    environment = BARE | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
    ended = subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:{{port}}/d",
        f"postgresql://u:{SECRET}/x@127.0.0.1:{{port}}/d",
        f"postgresql://u:{SECRET}#x@127.0.0.1/d",
        f"postgresql://u:%zz{SECRET}@127.0.0.1/d",
        f"postgresql://u:{SECRET}@db.invalid/d",
        f"postgresql://127.0.0.1:{{port}}/d?password={SECRET}&nonsense={SECRET}",
        f"mysql://u:{SECRET}@127.0.0.1/d",
    ],
)
def test_a_database_that_fails(url: str, tmp_path: Path) -> None:
    status, printed = run("server", "--data-dir", str(tmp_path), DATABASE_URL=url.format(port=free_port()))
    assert status in (1, 2)
    assert len(printed.splitlines()) == 1, printed
    assert SECRET not in printed


@pytest.mark.parametrize(
    "url",
    [
        f"redis://u:{SECRET}/x@127.0.0.1:1/0",
        f"redis://u:{SECRET}#x@127.0.0.1:1/0",
        f"redis://:{SECRET}@broker.invalid:1/0",
        f"rediss://:{SECRET}@127.0.0.1:1/0?ssl_cert_reqs=none",
        f"amqp://u:{SECRET}@127.0.0.1/0",
    ],
)
def test_a_broker_that_is_refused(url: str, tmp_path: Path) -> None:
    assert run("migrate", "--data-dir", str(tmp_path))[0] in (0, 2)
    status, printed = run("worker", "--data-dir", str(tmp_path), BROKER_URL=url)
    assert status in (1, 2), printed
    assert len(printed.splitlines()) == 1, printed
    assert SECRET not in printed


@pytest.mark.parametrize("role", ["worker", "scheduler", "server"])
def test_a_broker_that_is_away(role: str, tmp_path: Path) -> None:
    assert run("migrate", "--data-dir", str(tmp_path))[0] == 0
    log = tmp_path / "log"
    settings = {
        "DATA_DIR": str(tmp_path),
        "BROKER_URL": f"redis://u:{SECRET}@127.0.0.1:{free_port()}/0",
        "LOG_LEVEL": "DEBUG",
        "GRPC_ADDRESS": "127.0.0.1:0",
    }
    environment = BARE | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
    with log.open("w") as file:
        process = subprocess.Popen(command(role), env=environment, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while "127.0.0.1" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        lines = [command_line(process.pid), *descendants(process.pid).values()]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert SECRET not in log.read_text()
    assert not [line for line in lines if SECRET in line]


def test_settings_do_not_show_them() -> None:
    settings = Settings(broker_url=f"redis://:{SECRET}@h:1/0", database_url=f"postgresql://u:{SECRET}@h/d")
    assert SECRET not in repr(settings)
