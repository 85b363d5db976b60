"""The database that a process starts with."""

from __future__ import annotations

from task_server.bootstrap.errors import StartError
from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.database import Database
from task_server.store.migrator import NewerSchemaError, check_schema
from task_server.usecases.ports import configured_limits


def open_database(settings: Settings) -> Database:
    """The database, not connected yet. Raises StartError."""
    database = Database.of(settings)
    if database.is_sqlite and not database.path.parent.is_dir():
        raise StartError(f"the folder {database.path.parent} of the database does not exist; make it, or set data_dir")
    return database


def present_database(settings: Settings) -> Database:
    """The database, known to answer and to have the present tables; the limits in the settings can be read. Raises StartError."""
    try:
        configured_limits(settings)
    except ValueError as error:
        raise StartError(str(error)) from error
    database = open_database(settings)
    try:
        if not check_schema(database):
            raise StartError("the database has not the present tables; run: task-server migrate")
    except NewerSchemaError as error:
        raise StartError(str(error)) from error
    except DatabaseUnavailable as error:
        raise StartError(unreachable(settings, error)) from error
    return database


def unreachable(settings: Settings, error: DatabaseUnavailable) -> str:
    """Why a database does not answer, in one line."""
    kind = "SQLite" if settings.database.startswith("sqlite") else "PostgreSQL"
    reason = str(error.__cause__).strip().splitlines()
    return f"the {kind} database does not answer: {reason[0] if reason else 'no reason given'}"
