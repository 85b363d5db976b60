"""Retries, deadlines, held runs, counters of firings, the log of each attempt, and the floor of the event table."""

from __future__ import annotations

from peewee import Database

_CHANGES = """
ALTER TABLE task ADD COLUMN missed_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN skipped_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN paused_at BIGINT;

ALTER TABLE execution ADD COLUMN deadline_at BIGINT;
ALTER TABLE execution ADD COLUMN failed_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX execution_deadline ON execution (deadline_at)
    WHERE deadline_at IS NOT NULL AND status IN ('PENDING', 'RETRY');

ALTER TABLE attempt ADD COLUMN failure_reason TEXT;
ALTER TABLE attempt ADD COLUMN log_offset BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN log_bytes BIGINT NOT NULL DEFAULT 0;

CREATE TABLE event_floor (
    id INTEGER PRIMARY KEY,
    "transaction" BIGINT NOT NULL,
    number BIGINT NOT NULL
);
INSERT INTO event_floor (id, "transaction", number) VALUES (1, 0, 0);
"""


def up(engine: Database) -> None:
    """Add the columns and the table."""
    for statement in _CHANGES.split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
