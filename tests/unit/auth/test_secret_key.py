"""The secret key's file: made once, for its owner's eyes only, and never a weak one."""

from __future__ import annotations

import multiprocessing
import os
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from task_server.auth.secret_key import SecretKeyError, load_or_create


def test_it_is_made_at_first_use_for_its_owner_only_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "secret.key"
    umask = os.umask(0)
    try:
        (key,) = load_or_create(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key) == 64
    assert load_or_create(path) == [key]
    assert list(path.parent.iterdir()) == [path]


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    assert load_or_create(tmp_path / "a") != load_or_create(tmp_path / "b")


@pytest.mark.parametrize("content", ["", "short", "x" * 31, " " * 100, "\n", "x" * 32 + "\nshort"])
def test_a_short_key_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(content)
    with pytest.raises(SecretKeyError, match="shorter than 32 characters; restore the file"):
        load_or_create(path)
    assert path.read_text() == content


def test_a_key_of_the_operators_own_is_taken_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("o" * 32 + "\r\n")
    assert load_or_create(path) == [b"o" * 32]


def test_a_new_key_stands_above_those_that_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("n" * 32 + "\n\n" + "o" * 40 + "  \n")
    assert load_or_create(path) == [b"n" * 32, b"o" * 40]


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretKeyError, match="can not be read or made: Not a directory"):
        load_or_create(tmp_path / "file" / "secret.key")
    with pytest.raises(SecretKeyError, match="can not be read or made: Is a directory"):
        load_or_create(tmp_path)


def _load(path: Path, together: Barrier, results: multiprocessing.SimpleQueue[bytes]) -> None:
    together.wait()
    results.put(load_or_create(path)[0])


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path, together, results = tmp_path / "secret.key", context.Barrier(4), context.SimpleQueue()
    processes = [context.Process(target=_load, args=(path, together, results)) for _ in range(4)]
    for process in processes:
        process.start()
    keys = {results.get() for _ in processes}
    for process in processes:
        process.join()
    assert len(keys) == 1
    assert list(tmp_path.iterdir()) == [path]
