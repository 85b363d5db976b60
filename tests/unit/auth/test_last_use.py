"""Last uses: to the minute, stored in batches, never lost to a database that is away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from task_server.auth.last_use import LastUses
from task_server.auth.tokens import Tokens, token_id
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.owner import Caller, CallerKind, Owner, Role
from task_server.store import tokens as rows
from task_server.store.database import Database

MINUTE = 60_000_000
ANN = Owner("ann", "Ann")


def caller(name: str, kind: CallerKind = CallerKind.TOKEN) -> Caller:
    return Caller(ANN, Role.EDITOR, name, kind=kind)


@pytest.fixture
def token(database: Database) -> str:
    return token_id(Tokens(database, b"k" * 32).create(ANN, Role.EDITOR))


@pytest.fixture
def last_use(database: Database, token: str) -> Callable[[], int | None]:
    def last_use() -> int | None:
        with database.read():
            stored = rows.get(token)
        assert stored
        return stored.last_used_at

    return last_use


@pytest.fixture
def writes(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the database from here on."""
    found: list[str] = []
    execute = database.engine.execute_sql

    def execute_sql(sql: str, *arguments: object) -> object:
        if sql.startswith("UPDATE"):
            found.append(sql)
        return execute(sql, *arguments)

    monkeypatch.setattr(database.engine, "execute_sql", execute_sql)
    return found


def at(monkeypatch: pytest.MonkeyPatch, micros: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: micros * 1000)


def test_a_thousand_uses_in_a_minute_are_one_write(
    database: Database, token: str, last_use: Callable[[], int | None], writes: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    uses = LastUses(database)
    assert last_use() is None
    for second in range(1000):
        at(monkeypatch, 100 * MINUTE + second)
        uses.note(caller(token))
    uses.store()
    uses.store()
    assert last_use() == 100 * MINUTE
    assert len(writes) == 1
    at(monkeypatch, 101 * MINUTE + 59_999_999)
    uses.note(caller(token))
    uses.store()
    assert last_use() == 101 * MINUTE


def test_a_later_use_that_another_server_stored_stays(
    database: Database, token: str, last_use: Callable[[], int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = LastUses(database), LastUses(database)
    at(monkeypatch, 5 * MINUTE)
    early.note(caller(token))
    at(monkeypatch, 9 * MINUTE)
    late.note(caller(token))
    late.store()
    early.store()
    assert last_use() == 9 * MINUTE


def test_what_could_not_be_stored_is_kept(
    database: Database, token: str, last_use: Callable[[], int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = LastUses(database)
    at(monkeypatch, 5 * MINUTE)
    uses.note(caller(token))
    database.close()
    away = database.path.rename(database.path.with_suffix(".away"))
    database.path.mkdir()
    with pytest.raises(DatabaseUnavailable):
        uses.store()
    database.path.rmdir()
    away.rename(database.path)
    uses.store()
    assert last_use() == 5 * MINUTE


def test_only_tokens_have_rows(database: Database, writes: list[str]) -> None:
    uses = LastUses(database)
    uses.note(caller("x", CallerKind.JWT))
    uses.note(caller("x", CallerKind.CERTIFICATE))
    uses.store()
    assert writes == []
