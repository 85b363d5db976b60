"""What fair dispatch and limits look for: who waits and who runs in a queue, what waits for a place, and rates of starts.

A waiting execution is *ready* from `ready_at` on; one that is held, or waits for a place, is not. The index of alive tasks is for
quotas.
"""

from __future__ import annotations

from peewee import Database

from task_server.domain.clock import NEVER

_CHANGES = f"""
ALTER TABLE execution ADD COLUMN ready_at BIGINT NOT NULL DEFAULT 0;
UPDATE execution SET ready_at = CASE WHEN held <> 0 THEN {NEVER} ELSE due_at END WHERE status IN ('PENDING', 'RETRY');
ALTER TABLE execution ADD COLUMN concurrency_key TEXT NOT NULL DEFAULT '';
ALTER TABLE execution ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';
CREATE INDEX execution_ready ON execution (queue, owner_id, action_kind, ready_at) WHERE status IN ('PENDING', 'RETRY');
CREATE INDEX execution_running ON execution (queue, owner_id) WHERE status = 'STARTED';
CREATE INDEX execution_key ON execution (owner_id, concurrency_key) WHERE status = 'STARTED' AND concurrency_key <> '';
CREATE INDEX execution_waits_for ON execution (waits_for, ready_at, owner_id, due_at)
    WHERE status IN ('PENDING', 'RETRY') AND waits_for <> '';
CREATE INDEX task_alive ON task (owner_id, task_type)
    WHERE status IN ('PENDING', 'STARTED', 'RETRY', 'SCHEDULED', 'PAUSED') AND deleted_at IS NULL;

CREATE TABLE start_rate (
    scope TEXT PRIMARY KEY,
    full_at BIGINT NOT NULL
);
"""  # noqa: S608 - a number of ours


def up(engine: Database) -> None:
    """Add the columns, indexes and the table."""
    for statement in _CHANGES.split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
