"""Where it can not start, `task-server up` says why in one line, ends with a status that is not 0, and leaves nobody behind."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from acceptance_stack import BARE, Stack, command


def up(data_dir: Path, grpc_address: str = "127.0.0.1:0", http_address: str = "127.0.0.1:0") -> str:
    """The one line that it says instead of starting."""
    ended = subprocess.run(
        command("up", "--data-dir", str(data_dir), "--grpc-address", grpc_address, "--http-address", http_address),
        env=BARE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode in (1, 2), ended
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("task-server: ")
    return line


def test_a_grpc_port_in_use(stack: Stack, tmp_path: Path) -> None:
    line = up(tmp_path, grpc_address=stack.grpc_address)
    assert f"grpc_address {stack.grpc_address}: the port is in use by another program" in line


def test_an_http_port_in_use(stack: Stack, tmp_path: Path) -> None:
    line = up(tmp_path, http_address=stack.http_address)
    assert f"http_address {stack.http_address}: the port is in use by another program" in line


def test_a_second_up_on_the_same_directory(stack: Stack) -> None:
    line = up(stack.data_dir)
    assert f"the data directory {stack.data_dir} is in use by another `task-server up`" in line
    assert stack.api().rest.get("/api/tasks")


@pytest.mark.parametrize("place", ["/proc/task-server", "/dev/null/task-server"])
def test_a_directory_that_nobody_can_write(place: str) -> None:
    assert f"the data directory {place} can not be used" in up(Path(place))


def test_a_database_from_a_newer_version(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    stack.start()
    stack.stop()
    with closing(sqlite3.connect(stack.data_dir / "task-manager.db")) as database, database:
        (table,) = next(database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'schema%'"))
        database.execute(f"INSERT INTO {table} (version, name, applied_at) VALUES (9999, 'from the future', 0)")
    line = up(stack.data_dir)
    assert "the database has schema version 9999" in line
    assert "install the newer version" in line


def test_a_file_that_is_no_database(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    stack.data_dir.mkdir()
    (stack.data_dir / "task-manager.db").write_bytes(b"this is no database" * 1000)
    assert "the SQLite database does not answer: file is not a database" in up(stack.data_dir)
