"""Which drivers of databases a process loads."""

from __future__ import annotations

import sys

from task_server.config import Settings


def leave_out_unused(settings: Settings) -> None:
    """Load Peewee without PostgreSQL's driver, where the database is SQLite. For a process that has no other database.

    Peewee loads every driver that is installed, and that one is 9 MB of a process and 70 ms of its start. Whoever imports the
    driver itself later gets it, as for a result backend. Where Peewee is loaded already nothing changes.
    """
    if not settings.database.startswith("sqlite:///") or "psycopg" in sys.modules:
        return
    # The import system takes None for a module that is not there.
    sys.modules["psycopg"] = None  # type: ignore[assignment]
    try:
        import peewee  # noqa: F401
    finally:
        del sys.modules["psycopg"]
