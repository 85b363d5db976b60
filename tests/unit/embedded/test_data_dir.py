"""The data directory: owned by one `up`, handed over after a crash, and the admin's token in it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from task_server.embedded.data_dir import DataDir, ensure_admin_token
from task_server.embedded.errors import StackError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DataDir(tmp_path / "a" / "b") as data_dir:
        assert mode(data_dir.path) == 0o700
        assert mode(data_dir.path / "up.lock") == 0o600
        assert not data_dir.taken_over


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    with (
        DataDir(tmp_path),
        pytest.raises(StackError, match=rf"in use by another `task-server up` \(process {os.getpid()}\)"),
    ):
        DataDir(tmp_path)


def test_the_next_owner_comes_after_a_clean_end(tmp_path: Path) -> None:
    with DataDir(tmp_path):
        pass
    with DataDir(tmp_path) as data_dir:
        assert not data_dir.taken_over


def test_a_directory_that_can_not_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="file/data can not be used: Not a directory; choose one") as caught:
        DataDir(tmp_path / "file" / "data")
    assert "\n" not in str(caught.value)


HOLDER = """
import os, subprocess, sys
from pathlib import Path
from task_server.embedded.data_dir import DataDir
data_dir = DataDir(Path(sys.argv[1]))
if sys.argv[2] == "with a broker":
    # Keeps the lock until this test closes its standard input.
    subprocess.Popen(["cat"], pass_fds=[data_dir.lock_fd], stdout=subprocess.DEVNULL)
print("locked", flush=True)
os.kill(os.getpid(), 9)
"""


def crashed_owner(path: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    assert process.wait() == -9
    process.stdout.close()
    return process


def test_an_owner_that_was_killed_is_followed(tmp_path: Path) -> None:
    process = crashed_owner(tmp_path, "alone")
    assert process.stdin is not None
    process.stdin.close()
    with DataDir(tmp_path) as data_dir:
        assert data_dir.taken_over


def test_the_broker_of_a_killed_owner_keeps_the_directory_until_it_ends(tmp_path: Path) -> None:
    process = crashed_owner(tmp_path, "with a broker")
    assert process.stdin is not None
    with pytest.raises(StackError, match="still in use by the broker of a `task-server up` that was killed"):
        DataDir(tmp_path, handover_seconds=0.2)
    process.stdin.close()
    with DataDir(tmp_path) as data_dir:
        assert data_dir.taken_over


def test_the_admin_token_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    keys = iter(["tsk_1", "tsk_2"])
    assert ensure_admin_token(path, False, lambda: next(keys))
    assert (path.read_text(), mode(path)) == ("tsk_1\n", 0o600)
    assert not ensure_admin_token(path, True, lambda: next(keys))
    assert path.read_text() == "tsk_1\n"
    assert os.listdir(tmp_path) == ["admin.token"]


def test_a_token_whose_file_was_never_written_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    # Given what a crash between the draft and its new name leaves,
    path.with_name("admin.token.new").write_text("tsk_ha")
    assert ensure_admin_token(path, True, lambda: "tsk_2")
    assert path.read_text() == "tsk_2\n"
    assert os.listdir(tmp_path) == ["admin.token"]


def test_a_token_of_another_database_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    path.write_text("tsk_old\n")
    assert ensure_admin_token(path, False, lambda: "tsk_new")
    assert path.read_text() == "tsk_new\n"


def test_a_token_that_can_not_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"admin's token can not be written to .*: No such file"):
        ensure_admin_token(tmp_path / "missing" / "admin.token", False, lambda: "tsk_1")
