"""The migrations, the tables and the database's errors."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.store.engine_values import at_once

from task_server.domain.errors import DatabaseUnavailable
from task_server.store import migrator
from task_server.store.database import Database
from task_server.store.migrator import NewerSchemaError, check_schema, known_migrations, migrate, schema_version
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.schema import TABLES, SchemaRow


def test_an_empty_database_is_brought_to_the_present_tables_once(empty_database):
    assert not check_schema(empty_database)
    latest = known_migrations()[-1].version

    assert migrate(empty_database) == latest
    assert migrate(empty_database) == latest

    assert check_schema(empty_database)
    assert SchemaRow.select().count() == len(known_migrations())


def test_two_processes_that_migrate_at_once_do_it_once(empty_database):
    at_once(empty_database, 3, lambda: migrate(empty_database))
    assert schema_version(empty_database) == known_migrations()[-1].version


def test_what_was_interrupted_goes_on_where_it_stood(empty_database, monkeypatch):
    class Interrupted(Exception):
        pass

    def interrupted(engine) -> None:
        engine.execute_sql("CREATE TABLE half (n INTEGER)")
        raise Interrupted

    *before, last = known_migrations()
    monkeypatch.setattr(migrator, "known_migrations", lambda: [*before, last._replace(up=interrupted)])
    with pytest.raises(Interrupted):
        migrate(empty_database)
    assert schema_version(empty_database) == before[-1].version
    assert not empty_database.engine.table_exists("half")

    monkeypatch.undo()
    assert migrate(empty_database) == last.version
    assert SchemaRow.select().count() == len(known_migrations())


def test_executions_are_read_while_a_later_step_takes_its_time(empty_database, monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def slow(engine) -> None:
        begun.set()
        assert may_end.wait(60)
        last.up(engine)

    *before, last = known_migrations()
    monkeypatch.setattr(migrator, "known_migrations", lambda: [*before, last._replace(up=slow)])

    def run() -> None:
        migrate(empty_database)
        empty_database.close()

    migrating = threading.Thread(target=run)
    migrating.start()
    try:
        assert begun.wait(60)
        with empty_database.read():
            assert ExecutionRow.select(ExecutionRow.id, ExecutionRow.app).count() == 0
    finally:
        may_end.set()
        migrating.join()
    assert check_schema(empty_database)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database):
    with database.write():
        SchemaRow.create(version=999, name="future", applied_at=0)

    with pytest.raises(NewerSchemaError, match="schema version 999"):
        check_schema(database)
    with pytest.raises(NewerSchemaError):
        migrate(database)
    assert schema_version(database) == 999


def test_migrations_lead_to_the_tables_that_the_code_uses(database):
    for model in TABLES:
        columns = {column.name: column for column in database.engine.get_columns(model._meta.table_name)}
        assert set(columns) == set(model._meta.columns)
        for name, field in model._meta.columns.items():
            if not field.primary_key and model is not SchemaRow:
                assert columns[name].null == field.null, f"{model._meta.table_name}.{name}"


def test_a_broken_transaction_leaves_nothing_behind(database):
    class Broken(Exception):
        pass

    with pytest.raises(Broken), database.write():
        SchemaRow.create(version=998, name="half", applied_at=0)
        raise Broken
    assert schema_version(database) != 998


def test_a_database_that_is_away_is_unavailable_and_says_no_more():
    database = Database("postgresql://nobody:hunter2@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable) as caught:
        database.ping()
    assert "hunter2" not in str(caught.value)


def test_a_lost_connection_is_replaced(database):
    if database.is_sqlite:
        database.close()
    else:
        with database.read():
            (pid,) = database.engine.execute_sql("SELECT pg_backend_pid()").fetchone()
        other = Database(database.engine.database)
        other.engine.execute_sql("SELECT pg_terminate_backend(%s)", (pid,))
        other.close()
        database.engine.bind(TABLES, bind_refs=False, bind_backrefs=False)
    with database.read():
        assert SchemaRow.select().count() == len(known_migrations())
