"""The file with the keys: who may read it, and how it changes while processes use it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from task_server.config import Settings
from task_server.sealing.configured import configured_keys
from task_server.sealing.key_source import KeyFile, add_first_key, make_key_file
from task_server.sealing.keys import SealingKeyError, new_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sealing.key"
    make_key_file(path)
    return path


def test_a_new_file_is_for_its_owner_alone_and_is_made_once(path: Path) -> None:
    before = path.read_text()
    make_key_file(path)
    assert (path.stat().st_mode & 0o777, path.read_text()) == (0o600, before)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_may_read_or_write_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(SealingKeyError, match="chmod 400"):
        KeyFile(path)
    path.chmod(0o400)
    KeyFile(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealingKeyError, match="can not be read: No such file"):
        KeyFile(tmp_path / "none")


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_new_first_key_is_seen_by_who_runs(path: Path, mode: int) -> None:
    path.chmod(mode)
    running = KeyFile(path)
    old = running.current().first.id
    new = add_first_key(path)
    assert new != old
    assert (running.current().first.id, running.current().ids) == (new, {new, old})
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("spoil", ["remove", "empty", "open"])
def test_who_runs_keeps_the_keys_of_a_file_that_was_spoilt(
    path: Path, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    running = KeyFile(path)
    before, text = running.current(), path.read_text()
    match spoil:
        case "remove":
            path.unlink()
        case "empty":
            path.write_text("")
        case "open":
            path.chmod(0o644)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert running.current() is before
    assert len(caplog.records) == 1
    path.unlink(missing_ok=True)
    path.write_text(new_key() + "\n" + text)
    path.chmod(0o600)
    assert len(running.current().ids) == 2


def test_where_the_keys_are_from(tmp_path: Path, path: Path) -> None:
    ours, theirs = Settings(data_dir=tmp_path), Settings(data_dir=tmp_path / "none")
    assert configured_keys(ours).current().ids == KeyFile(path).current().ids
    assert configured_keys(theirs) is None
    key = new_key()
    given = configured_keys(Settings(sealing_keys=(key, new_key())))
    assert len(given.current().ids) == 2
    assert key not in repr(Settings(sealing_keys=(key,)))
    with pytest.raises(SealingKeyError, match="can not be read"):
        configured_keys(Settings(sealing_key_file=str(tmp_path / "gone")))
