"""Bringing the database to the present tables."""

from __future__ import annotations

from task_server.bootstrap.database import open_database, unreachable
from task_server.bootstrap.errors import StartError
from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.store import migrator
from task_server.store.migrator import NewerSchemaError


def migrate(settings: Settings) -> int:
    """Bring the database to the present tables and return their version. Raises StartError."""
    database = open_database(settings)
    try:
        return migrator.migrate(database)
    except NewerSchemaError as error:
        raise StartError(str(error)) from error
    except DatabaseUnavailable as error:
        raise StartError(unreachable(settings, error)) from error
    finally:
        database.close()
