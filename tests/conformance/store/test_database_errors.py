"""Whatever keeps a database from doing what it is asked for is DatabaseUnavailable, and passes; nothing waits for ever."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee
import pytest
from tests.conformance.store.engine_values import SUCCESS, definition
from tests.postgres import PostgresServer

from task_server.domain.errors import DatabaseUnavailable
from task_server.store import database as database_module
from task_server.store import migrator, postgres
from task_server.store.database import Database
from task_server.store.migrator import check_schema, migrate
from task_server.store.tables.schema import SchemaRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.tasks import Tasks


@pytest.fixture
def database_on_postgres(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    migrate(database)
    yield database
    database.close()


def sql(database: Database, text: str) -> None:
    database.engine.execute_sql(text)


def backend(database: Database) -> int:
    with database.read():
        (pid,) = database.engine.execute_sql("SELECT pg_backend_pid()").fetchone()
    return int(pid)


def test_a_connection_lost_within_a_transaction_takes_it_back(
    database_on_postgres: Database, postgres_server: PostgresServer
) -> None:
    database = database_on_postgres
    pid = backend(database)
    with pytest.raises(DatabaseUnavailable), database.write():
        SchemaRow.create(version=1000, name="lost", applied_at=0)
        postgres_server.run_sql(f"SELECT pg_terminate_backend({pid})")
        SchemaRow.create(version=1001, name="lost", applied_at=0)
    with database.read():
        assert SchemaRow.select().where(SchemaRow.version >= 1000).count() == 0


def test_a_clock_that_can_not_be_asked_is_unavailable_and_then_works(
    database_on_postgres: Database, postgres_server: PostgresServer
) -> None:
    postgres_server.run_sql(f"SELECT pg_terminate_backend({backend(database_on_postgres)})")
    with pytest.raises(DatabaseUnavailable):
        database_on_postgres.now()
    assert database_on_postgres.now() > 0


@pytest.mark.parametrize(
    "trouble",
    [
        "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'io' USING ERRCODE = '58030'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'damaged' USING ERRCODE = 'XX001'; END $$",
        "SET LOCAL transaction_read_only = on; UPDATE task SET name = 'n'",
        "SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)",
        "SET LOCAL idle_in_transaction_session_timeout = 1; SELECT pg_backend_pid()",
    ],
)
def test_what_postgresql_can_not_do_at_the_moment(database_on_postgres: Database, trouble: str) -> None:
    with pytest.raises(DatabaseUnavailable), database_on_postgres.write():
        for part in [trouble] if trouble.startswith("DO") else trouble.split("; "):
            sql(database_on_postgres, part)
        if "idle" in trouble:
            threading.Event().wait(0.2)
            sql(database_on_postgres, "SELECT 1")
    with database_on_postgres.write():
        TaskRow.update(name="n").execute()


def test_a_deadlock_costs_one_of_the_two_a_repetition(database_on_postgres: Database) -> None:
    database = database_on_postgres
    with database.write():
        for version in (1000, 1001):
            SchemaRow.create(version=version, name="n", applied_at=0)
    meet = threading.Barrier(2, timeout=20)
    failures: list[Exception] = []

    def lock(first: int, second: int) -> None:
        try:
            with database.write():
                SchemaRow.update(name="m").where(SchemaRow.version == first).execute()
                meet.wait()
                SchemaRow.update(name="m").where(SchemaRow.version == second).execute()
        except Exception as error:
            failures.append(error)
        database.close()

    threads = [threading.Thread(target=lock, args=pair) for pair in ((1000, 1001), (1001, 1000))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in failures] == [DatabaseUnavailable]


def test_a_server_that_takes_no_writes_is_not_connected_to_and_not_healthy(
    database_on_postgres: Database, postgres_server: PostgresServer
) -> None:
    database = database_on_postgres
    name = str(database.engine.database).rpartition("/")[2]
    database.ping()
    sql(database, "SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailable) as caught:
        database.ping()
    assert "takes no writes" in str(caught.value.__cause__)
    postgres_server.run_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailable) as caught:
        database.ping()
    assert "read-only" in str(caught.value.__cause__)
    postgres_server.run_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    database.ping()


def test_too_many_connections(database_on_postgres: Database, postgres_server: PostgresServer) -> None:
    database = database_on_postgres
    name = str(database.engine.database).rpartition("/")[2]
    # Superusers, as that of these tests, are let in whatever the limit is.
    postgres_server.run_sql("CREATE ROLE guest LOGIN")
    try:
        postgres_server.run_sql(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        guest = Database(str(database.engine.database).replace("tests@", "guest@"))
        with pytest.raises(DatabaseUnavailable) as caught, guest.read():
            pass
        assert "too many connections" in str(caught.value.__cause__)
        postgres_server.run_sql(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        guest.ping()
        guest.close()
    finally:
        postgres_server.run_sql("DROP ROLE guest")


def test_a_server_that_falls_silent_is_not_waited_for(
    database_on_postgres: Database, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel takes what is sent, as that of a stopped machine behind a proxy does."""
    database = database_on_postgres
    monkeypatch.setattr(postgres._Connection, "answer_seconds", 0.3)
    pid = backend(database)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable) as caught, database.read():
            pass
        assert 0.3 <= time.monotonic() - began < 8
        assert "silent" in str(caught.value.__cause__)
        # Another connection is another matter.
        database.ping()
    finally:
        os.kill(pid, signal.SIGCONT)


def test_migrations_take_as_long_as_they_need(database_on_postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database = database_on_postgres
    slow = migrator.Migration(9000, "slow", lambda engine: engine.execute_sql("SELECT pg_sleep(0.8)"))
    known = [*migrator.known_migrations(), slow]
    monkeypatch.setattr(migrator, "known_migrations", lambda: known)
    monkeypatch.setattr(postgres._Connection, "answer_seconds", 0.3)
    with database.write():
        sql(database, "SET statement_timeout = 300")
    assert migrate(database) == 9000
    with pytest.raises(DatabaseUnavailable), database.read():
        sql(database, "SELECT pg_sleep(5)")


def test_what_reads_too_long_on_sqlite_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_SQLITE_READ_SECONDS", 0.2)
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    count = (
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT {}) SELECT MAX(n) FROM number"
    )
    with pytest.raises(DatabaseUnavailable), database.read():
        sql(database, count.format(-1))
    # Writers are not ended, and the thread's next reading has its time.
    with database.write():
        assert database.engine.execute_sql(count.format(3_000_000)).fetchone() == (3_000_000,)
    with database.read():
        assert database.engine.execute_sql(count.format(10_000)).fetchone() == (10_000,)
    database.close()


def test_parameters_of_the_url_win_over_ours(postgres_url: str) -> None:
    database = Database(postgres_url + "?options=-c%20statement_timeout%3D1234&application_name=mine")
    shown = [
        database.engine.execute_sql(f"SHOW {name}").fetchone()[0]
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "application_name")
    ]
    database.close()
    assert shown == ["1234ms", "10s", "mine"]


def test_why_it_is_away_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / "home"
    home.mkdir()
    database = Database(f"sqlite:///{home / 'test.db'}")
    database.ping()
    database.close()
    shutil.rmtree(home)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                database.ping()
    assert [record.getMessage() for record in caplog.records] == [
        "the database does not do what it is asked for: the database's file is gone"
    ]


def test_one_that_never_answered_is_told_of_by_whoever_can_not_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'no' / 'test.db'}")
    with caplog.at_level(logging.INFO), pytest.raises(DatabaseUnavailable):
        database.ping()
    assert caplog.records == []


def test_a_damaged_page_that_is_met_while_rows_are_fetched(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.write():
        for version in range(1000, 3000):
            SchemaRow.create(version=version, name="n" * 200, applied_at=0)
    sql(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        # All pages of the second half: the tables' own rows and the last of ours.
        file.seek(size // 2)
        file.write(b"\xff" * (size - size // 2))
    with pytest.raises(DatabaseUnavailable), database.read():
        len(list(SchemaRow.select().tuples()))
    database.close()


@pytest.mark.parametrize("moment", ["before it is opened", "after it was opened"])
def test_a_file_that_goes_while_it_is_connected_to_is_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "test.db"
    database = Database(f"sqlite:///{path}")
    database.ping()
    database.close()
    connect = peewee.SqliteDatabase._connect

    def lose_it(engine: Any) -> Any:
        if moment == "before it is opened":
            path.unlink()
        connection = connect(engine)
        path.unlink()
        return connection

    with monkeypatch.context() as losing:
        losing.setattr(peewee.SqliteDatabase, "_connect", lose_it)
        with contextlib.suppress(DatabaseUnavailable):
            database.ping()
    database.close()
    with pytest.raises(DatabaseUnavailable):
        database.ping()
    assert not path.exists()


def test_a_file_that_is_gone_is_not_made_anew_and_one_that_is_back_is_used(tmp_path: Path) -> None:
    path, kept = tmp_path / "test.db", tmp_path / "kept.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    sql(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, kept)
    for name in ("test.db", "test.db-wal", "test.db-shm"):
        (tmp_path / name).unlink()
    for use in (database.read, database.write):
        with pytest.raises(DatabaseUnavailable), use():
            pass
    assert not path.exists()
    kept.rename(path)
    assert check_schema(database)
    with database.write():
        SchemaRow.create(version=1000, name="n", applied_at=0)
    database.close()
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT COUNT(*) FROM schema_version WHERE version = 1000").fetchone() == (1,)
    other.close()


FULL = """
import resource, sys
from pathlib import Path
from typing import Any
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.database import Database
from task_server.store.tables.schema import SchemaRow
path = Path(sys.argv[1])
database = Database(f"sqlite:///{path}")
with database.write():
    SchemaRow.create(version=1000, name="n", applied_at=0)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, hard))
for _ in range(2):
    try:
        with database.write():
            SchemaRow.create(version=1001, name="n" * 100_000, applied_at=0)
    except DatabaseUnavailable:
        print("away")
with database.read():
    print([row.version for row in SchemaRow.select().where(SchemaRow.version >= 1000)])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
with database.write():
    SchemaRow.create(version=1002, name="n" * 100_000, applied_at=0)
with database.read():
    print([row.version for row in SchemaRow.select().where(SchemaRow.version >= 1000)])
    print(database.engine.execute_sql("PRAGMA integrity_check").fetchone()[0])
"""

READ_ONLY = """
import os, sys
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.database import Database
from task_server.store.tables.schema import SchemaRow
if os.geteuid() == 0:
    os.setuid(65534)  # root may write whatever the modes say
database = Database(f"sqlite:///{sys.argv[1]}")
try:
    with database.write():
        SchemaRow.create(version=1001, name="n", applied_at=0)
except DatabaseUnavailable as error:
    print("away")
"""


def said_by(program: str, path: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_disk_that_is_full_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    assert said_by(FULL, path) == ["away", "away", "[1000]", "[1000, 1002]", "ok"]


def test_a_directory_that_can_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    folders = [folder for folder in [tmp_path, *tmp_path.parents] if folder.stat().st_mode & 0o777 == 0o700]
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        for folder in folders[1:]:
            folder.chmod(0o711)
        assert said_by(READ_ONLY, path) == ["away"]
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_writer_gets_in_when_a_lock_ends_within_its_patience(ports, caller, running, monkeypatch) -> None:
    """Another program has the database for itself, as a backup may; on PostgreSQL it has the tables."""
    database = ports.database
    if database.is_sqlite:
        other = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
        begin, lock = "BEGIN EXCLUSIVE", "SELECT 1"
    else:
        other = postgres._Connection.connect(str(database.engine.database), autocommit=True)
        begin, lock = "BEGIN", "LOCK TABLE task, execution"
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    other.execute(begin)
    other.execute(lock)
    ended = threading.Timer(0.5, other.execute, ["ROLLBACK"])
    ended.start()
    began = time.monotonic()
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert time.monotonic() - began > 0.3
    ended.join()
    other.close()
