"""The audit log, which the database itself keeps from being changed.

Neither our own code nor whoever has found a way to give it statements can change an event, or remove one within 30 days: that
takes somebody who may change the tables.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_TABLE = (
    """
CREATE TABLE audit_event (
    id TEXT PRIMARY KEY,
    occurred_at BIGINT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    token_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    method TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
)""",
    "CREATE INDEX audit_event_by_actor ON audit_event (actor_id, id)",
)
_SQLITE = (
    (
        "CREATE TRIGGER audit_event_stays BEFORE UPDATE ON audit_event "
        "BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END"
    ),
    (
        "CREATE TRIGGER audit_event_is_kept BEFORE DELETE ON audit_event "
        "WHEN OLD.occurred_at > (CAST(strftime('%s', 'now') AS INTEGER) - 2592000) * 1000000 "
        "BEGIN SELECT RAISE(ABORT, 'audit events are kept for 30 days'); END"
    ),
)
_POSTGRESQL = (
    (
        "CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit events are never changed, and kept for 30 days'; END $$"
    ),
    "CREATE TRIGGER audit_event_stays BEFORE UPDATE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()",
    (
        "CREATE TRIGGER audit_event_is_kept BEFORE DELETE ON audit_event FOR EACH ROW "
        "WHEN (OLD.occurred_at > (EXTRACT(EPOCH FROM clock_timestamp())::bigint - 2592000) * 1000000) "
        "EXECUTE FUNCTION audit_event_refuse()"
    ),
    (
        "CREATE TRIGGER audit_event_is_not_emptied BEFORE TRUNCATE ON audit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()"
    ),
)


def up(engine: Database) -> None:
    """Make the table, its index and its guards."""
    for statement in (*_TABLE, *(_SQLITE if isinstance(engine, SqliteDatabase) else _POSTGRESQL)):
        engine.execute_sql(statement)
