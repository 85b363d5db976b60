"""The checks of the contract can fail: each on a copy of the protos and stubs with one thing wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICE = "protos/task_manager/v1/task_service.proto"
STUBS = "clients/python/task_manager/v1"
ADDED = "\n// Nothing yet.\nmessage Added {}\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    for folder in ("protos", STUBS):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def contract(command: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools/contract.py", command, "--root", root],
        capture_output=True,
        text=True,
        timeout=60,
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_committed_contract_passes(copy: Path) -> None:
    result = contract("check", copy)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def lose_a_field(root: Path) -> None:
    edit(root / SERVICE, "int32 page_size = ", "int64 page_size = ")


def lose_a_file(root: Path) -> None:
    (root / "protos/task_manager/v1/lock_service.proto").unlink()


def rename_a_path(root: Path) -> None:
    edit(root / SERVICE, 'post: "/api/tasks/batch"', 'post: "/api/tasks/bulk"')


def stale(root: Path) -> None:
    with (root / SERVICE).open("a") as file:
        file.write(ADDED)


def edited_stub(root: Path) -> None:
    edit(root / STUBS / "task_pb2.pyi", "class Task(", "class Task2(")


def missing_stub(root: Path) -> None:
    (root / STUBS / "task_pb2.py").unlink()


def stub_of_a_proto_that_is_gone(root: Path) -> None:
    (root / STUBS / "old_pb2.py").write_text("")


def unformatted(root: Path) -> None:
    edit(root / SERVICE, "rpc CreateTask(CreateTaskRequest)", "rpc  CreateTask(CreateTaskRequest)")


def uncommented(root: Path) -> None:
    with (root / SERVICE).open("a") as file:
        file.write("\nmessage Added {}\n")


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lose_a_field, "the contract may only grow"),
        (lose_a_file, 'Previously present file "task_manager/v1/lock_service.proto" was deleted'),
        (rename_a_path, "no longer served: TaskService.BatchCreateTasks: POST /api/tasks/batch"),
        (stale, "stale stubs: task_service_pb2.py, task_service_pb2.pyi\nrun: make proto"),
        (edited_stub, "stale stubs: task_pb2.pyi\nrun: make proto"),
        (missing_stub, "stale stubs: task_pb2.py\nrun: make proto"),
        (stub_of_a_proto_that_is_gone, "stale stubs: old_pb2.py\nrun: make proto"),
        (unformatted, "run: make proto"),
        (uncommented, "should have a non-empty comment"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_contract_with_one_thing_wrong_fails(copy: Path, break_it: Callable[[Path], None], said: str) -> None:
    break_it(copy)
    result = contract("check", copy)
    assert result.returncode == 1
    assert said in result.stdout + result.stderr


@pytest.mark.parametrize("break_it", [stale, edited_stub, missing_stub, stub_of_a_proto_that_is_gone, unformatted])
def test_make_proto_mends_what_says_so(copy: Path, break_it: Callable[[Path], None]) -> None:
    break_it(copy)
    assert contract("proto", copy).returncode == 0
    assert contract("check", copy).returncode == 0


def test_a_grown_contract_is_released_and_then_held(copy: Path) -> None:
    stale(copy)
    assert contract("release", copy).returncode == 0
    edit(copy / SERVICE, ADDED, "")
    result = contract("check", copy)
    assert result.returncode == 1
    assert 'Previously present message "Added" was deleted' in result.stdout


def test_a_contract_that_breaks_clients_is_not_released(copy: Path) -> None:
    before = (copy / "protos/released.binpb").read_bytes()
    lose_a_file(copy)
    assert contract("release", copy).returncode == 1
    assert (copy / "protos/released.binpb").read_bytes() == before
