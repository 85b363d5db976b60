"""Writers of several processes on one SQLite file."""

from __future__ import annotations

import subprocess
import sys
import threading

import peewee
import pytest

from task_server.domain.errors import DatabaseUnavailable
from task_server.store import database as database_module
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.store.tables.schema import SchemaRow

WRITER = """
import sys
from task_server.store.database import Database
from task_server.store.tables.schema import SchemaRow
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    with database.write():
        SchemaRow.create(version=int(sys.argv[2]) + number, name="n", applied_at=0)
"""


def test_writers_of_two_processes_let_each_other_in(tmp_path):
    url = f"sqlite:///{tmp_path / 'test.db'}"
    database = Database(url)
    migrate(database)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for first in (1_000, 2_000, 3_000)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert SchemaRow.select().where(SchemaRow.version >= 1_000).count() == 600
    database.close()


def test_a_writer_that_does_not_end_makes_the_database_unavailable_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "_SQLITE_BUSY_SECONDS", 0.2)
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    other = peewee.SqliteDatabase(str(tmp_path / "test.db"))
    other.execute_sql("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable), database.write():
        pass
    other.execute_sql("COMMIT")
    with database.write():
        SchemaRow.create(version=999_999, name="after", applied_at=0)
    other.close()
    database.close()


def test_a_thread_that_does_not_get_its_turn_in_time_hears_so(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "_SQLITE_BUSY_SECONDS", 0.2)
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    writing, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with database.write():
            writing.set()
            may_end.wait(20)
        database.close()

    thread = threading.Thread(target=write)
    thread.start()
    writing.wait(20)
    with pytest.raises(DatabaseUnavailable), database.write():
        pass
    may_end.set()
    thread.join()
    with database.write():
        pass
    database.close()
