"""Brings a database to the present tables, one process at a time, and refuses one that a newer version made."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import peewee

from task_server.store import migrations
from task_server.store.database import Database
from task_server.store.tables.schema import SchemaRow

#: Any number: PostgreSQL's advisory lock that migrating processes take turns by.
_ADVISORY_LOCK = 0x7461736B


class NewerSchemaError(Exception):
    """The database was made by a newer version of this service; install that version, or use another database."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the database has schema version {found}, this version of task-server knows {known}; "
            "install the newer version, or use another database"
        )


class Migration(NamedTuple):
    """One step."""

    version: int
    name: str
    up: Callable[[peewee.Database], None]


def known_migrations() -> list[Migration]:
    """All steps that this version knows, in order."""
    found = []
    for module in pkgutil.iter_modules(migrations.__path__):
        match = re.fullmatch(r"m(\d{4})_(\w+)", module.name)
        if match:
            up = importlib.import_module(f"{migrations.__name__}.{module.name}").up
            found.append(Migration(int(match[1]), match[2], up))
    return sorted(found)


def schema_version(database: Database) -> int:
    """The version of the database's tables, 0 for an empty one. Raises DatabaseUnavailable."""
    with database.read():
        return _applied(database)


def check_schema(database: Database) -> bool:
    """Whether the database has the present tables.

    Raises NewerSchemaError when it has those of a newer version, DatabaseUnavailable when it is away.
    """
    latest = known_migrations()[-1].version
    version = schema_version(database)
    if version > latest:
        raise NewerSchemaError(version, latest)
    return version == latest


def migrate(database: Database) -> int:
    """Apply what is missing, each step in a transaction of its own, and return the version reached.

    So what one step locks, as a column that is added does for a moment, nobody waits for while the next ones take their minutes.
    What was interrupted goes on where it stood. Raises NewerSchemaError, before anything, and DatabaseUnavailable.
    """
    steps = known_migrations()
    while _apply_next(database, steps):
        pass
    return steps[-1].version


def _apply_next(database: Database, steps: Sequence[Migration]) -> bool:
    """Apply the first step that is missing; whether there was one."""
    with database.write(), database.patiently():
        if not database.is_sqlite:
            database.engine.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        applied = _applied(database)
        if applied > steps[-1].version:
            raise NewerSchemaError(applied, steps[-1].version)
        step = next((step for step in steps if step.version > applied), None)
        if step is None:
            return False
        database.engine.create_tables([SchemaRow])
        step.up(database.engine)
        SchemaRow.create(version=step.version, name=step.name, applied_at=database.now())
        return True


def _applied(database: Database) -> int:
    if not database.engine.table_exists(SchemaRow._meta.table_name):
        return 0
    return SchemaRow.select(peewee.fn.MAX(SchemaRow.version)).scalar() or 0
