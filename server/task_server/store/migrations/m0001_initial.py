"""Tasks, executions with attempts and logs, events and tokens."""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_TABLES = """
CREATE TABLE task (
    task_id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    name TEXT NOT NULL,
    task_type TEXT NOT NULL,
    module TEXT NOT NULL,
    definition TEXT NOT NULL,
    status TEXT NOT NULL,
    next_run_at BIGINT,
    run_count BIGINT NOT NULL,
    fire_count BIGINT NOT NULL,
    last_execution_id TEXT,
    request_id TEXT,
    request_digest TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    stopped_at BIGINT,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX task_request ON task (owner_id, request_id);
CREATE INDEX task_by_owner ON task (owner_id, task_id);
CREATE INDEX task_due ON task (next_run_at) WHERE next_run_at IS NOT NULL;

CREATE TABLE execution (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    parent_task TEXT REFERENCES task (task_id),
    task_name TEXT NOT NULL,
    module TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    status TEXT NOT NULL,
    queue TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    scheduled_for BIGINT,
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    lease_until BIGINT,
    lost_count INTEGER NOT NULL,
    stop_requested_at BIGINT,
    publish_after BIGINT NOT NULL,
    publish_count INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    task_args TEXT NOT NULL,
    task_kwargs TEXT NOT NULL,
    result TEXT,
    error TEXT NOT NULL,
    traceback TEXT NOT NULL,
    failure_reason TEXT,
    metadata TEXT NOT NULL,
    isolation TEXT NOT NULL,
    usage TEXT NOT NULL,
    log_bytes BIGINT NOT NULL,
    source TEXT NOT NULL,
    observed_at BIGINT,
    rerun_of TEXT NOT NULL,
    revision BIGINT NOT NULL
);
-- A cron time makes one execution, however many schedulers see it due.
CREATE UNIQUE INDEX execution_firing ON execution (parent_task, scheduled_for);
CREATE INDEX execution_by_owner ON execution (owner_id, id);
CREATE INDEX execution_by_task ON execution (parent_task, id);
CREATE INDEX execution_unfinished ON execution (parent_task) WHERE status IN ('PENDING', 'RETRY', 'STARTED');
CREATE INDEX execution_unpublished ON execution (publish_after) WHERE status IN ('PENDING', 'RETRY');
CREATE INDEX execution_leased ON execution (lease_until) WHERE status = 'STARTED';

CREATE TABLE attempt (
    execution_id TEXT NOT NULL REFERENCES execution (id),
    number INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    worker TEXT NOT NULL,
    outcome TEXT,
    error TEXT NOT NULL,
    PRIMARY KEY (execution_id, number)
);

CREATE TABLE execution_log (
    execution_id TEXT NOT NULL REFERENCES execution (id),
    first_byte BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (execution_id, first_byte)
);

CREATE TABLE event (
    number {serial},
    "transaction" BIGINT NOT NULL{transaction_default},
    type TEXT NOT NULL,
    task_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    occurred_at BIGINT NOT NULL
);
CREATE INDEX event_order ON event ("transaction", number);
CREATE INDEX event_by_owner ON event (owner_id, "transaction", number);
CREATE INDEX event_by_task ON event (task_id, "transaction", number);

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
"""


def up(engine: Database) -> None:
    """Make the tables."""
    if isinstance(engine, SqliteDatabase):
        statements = _TABLES.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT", transaction_default=" DEFAULT 0")
    else:
        statements = _TABLES.format(
            serial="BIGSERIAL PRIMARY KEY", transaction_default=" DEFAULT pg_current_xact_id()::text::bigint"
        )
    for statement in statements.split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
