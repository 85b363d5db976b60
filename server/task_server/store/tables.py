"""The tables as they are now. `migrations/` leads there; `tests/conformance/store` proves that both say the same.

Times are microseconds in BIGINT (see `domain.clock`); JSON is kept as text, exactly as it came.
"""

from __future__ import annotations

from peewee import AutoField, BigAutoField, BigIntegerField, CompositeKey, IntegerField, Model, TextField


class TaskRow(Model):
    """A task. `definition` is what the caller gave; the rest is what became of it."""

    task_id = TextField(primary_key=True)
    owner_id = TextField()
    owner_name = TextField()
    name = TextField()
    task_type = TextField()
    module = TextField()
    definition = TextField()
    status = TextField()
    next_run_at = BigIntegerField(null=True)
    run_count = BigIntegerField()
    fire_count = BigIntegerField()
    missed_count = BigIntegerField()
    skipped_count = BigIntegerField()
    last_execution_id = TextField(null=True)
    request_id = TextField(null=True)
    request_digest = TextField(null=True)
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    revision = BigIntegerField()
    stopped_at = BigIntegerField(null=True)
    paused_at = BigIntegerField(null=True)
    deleted_at = BigIntegerField(null=True)

    class Meta:
        """The table's name."""

        table_name = "task"


class ExecutionRow(Model):
    """An execution. `publish_after` is when the scheduler publishes it, unless it was claimed before; NEVER for a held one.

    `sync_after` is when a foreign one's result backend is asked next; NULL for one that has ended, and for a run of ours.
    """

    id = TextField(primary_key=True)
    task_id = TextField()
    parent_task = TextField(null=True)
    task_name = TextField()
    module = TextField()
    owner_id = TextField()
    owner_name = TextField()
    status = TextField()
    queue = TextField()
    action_kind = TextField()
    due_at = BigIntegerField()
    scheduled_for = BigIntegerField(null=True)
    deadline_at = BigIntegerField(null=True)
    attempt = IntegerField()
    failed_count = IntegerField()
    lost_count = IntegerField()
    held = IntegerField()
    worker = TextField()
    lease_until = BigIntegerField(null=True)
    stop_requested_at = BigIntegerField(null=True)
    publish_after = BigIntegerField()
    publish_count = IntegerField()
    ready_at = BigIntegerField()
    concurrency_key = TextField()
    waits_for = TextField()
    created_at = BigIntegerField()
    started_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)
    task_args = TextField()
    task_kwargs = TextField()
    result = TextField(null=True)
    error = TextField()
    traceback = TextField()
    failure_reason = TextField(null=True)
    metadata = TextField()
    isolation = TextField()
    usage = TextField()
    omission = TextField()
    log_bytes = BigIntegerField()
    source = TextField()
    observed_at = BigIntegerField(null=True)
    rerun_of = TextField()
    revision = BigIntegerField()
    registered_task_id = TextField(null=True)
    app = TextField()
    retries = IntegerField()
    sync_after = BigIntegerField(null=True)
    sync_count = IntegerField()

    class Meta:
        """The table's name."""

        table_name = "execution"


class AttributeRow(Model):
    """A text or number in an execution's metadata or keyword arguments. The database adds and removes it by itself.

    `name` is as in filters, `metadata.team`; empty for an execution that has more of them than are kept.
    """

    name = TextField()
    value = TextField()
    recorded_at = BigIntegerField()
    execution_id = TextField()
    owner = TextField()

    class Meta:
        """The table's name and key."""

        table_name = "execution_attribute"
        primary_key = CompositeKey("name", "value", "recorded_at", "execution_id")


class AttemptRow(Model):
    """One try at running an execution."""

    execution_id = TextField()
    number = IntegerField()
    started_at = BigIntegerField()
    finished_at = BigIntegerField(null=True)
    worker = TextField()
    outcome = TextField(null=True)
    error = TextField()
    failure_reason = TextField(null=True)
    log_offset = BigIntegerField()
    log_bytes = BigIntegerField()

    class Meta:
        """The table's name and key."""

        table_name = "attempt"
        primary_key = CompositeKey("execution_id", "number")


class LogRow(Model):
    """A piece of what an execution printed. `first_byte` counts UTF-8 bytes from the beginning of its log."""

    execution_id = TextField()
    first_byte = BigIntegerField()
    attempt = IntegerField()
    text = TextField()

    class Meta:
        """The table's name and key."""

        table_name = "execution_log"
        primary_key = CompositeKey("execution_id", "first_byte")


class EventRow(Model):
    """One change. `payload` holds the task and the execution as they were right after it, without their heavy parts."""

    number = BigAutoField()
    transaction = BigIntegerField()
    type = TextField()
    task_id = TextField()
    owner_id = TextField()
    payload = TextField()
    occurred_at = BigIntegerField()

    class Meta:
        """The table's name."""

        table_name = "event"


class EventFloorRow(Model):
    """One row: the last event that retention removed. Who wants to go on from before it has missed something."""

    id = IntegerField(primary_key=True)
    transaction = BigIntegerField()
    number = BigIntegerField()

    class Meta:
        """The table's name."""

        table_name = "event_floor"


class OwnerBytesRow(Model):
    """Bytes that tasks and executions of an owner hold; the database adds to it by itself. The sum of an owner's rows counts."""

    owner_id = TextField()
    source_bytes = BigIntegerField()
    result_bytes = BigIntegerField()

    class Meta:
        """The table's name; it has no key."""

        table_name = "owner_bytes"
        primary_key = False


class LockRow(Model):
    """A lock of a user, as its last acquisition left it. `is_released` is 0 or 1."""

    owner_id = TextField()
    name = TextField()
    holder = TextField()
    number = BigIntegerField()
    acquired_at = BigIntegerField()
    expires_at = BigIntegerField()
    is_released = IntegerField()

    class Meta:
        """The table's name and key."""

        table_name = "named_lock"
        primary_key = CompositeKey("owner_id", "name")


class ChangeRow(Model):
    """Executions that are there and were not, or the other way round: `n` is 1 or -1. The database adds it by itself.

    `waited` and `ran` are microseconds, NULL where they are not known. `outcome` is a status, or UNKNOWN.
    """

    number = BigAutoField()
    n = IntegerField()
    owner_id = TextField()
    module = TextField()
    task_name = TextField()
    outcome = TextField()
    created_at = BigIntegerField()
    waited = BigIntegerField(null=True)
    ran = BigIntegerField(null=True)

    class Meta:
        """The table's name."""

        table_name = "execution_change"


class RollupRow(Model):
    """How many executions there are of a kind, as far as changes were folded; see `store.rollup_cells`."""

    grouping_set = IntegerField()
    period = BigIntegerField()
    measure = IntegerField()
    owner_id = TextField()
    module = TextField()
    task_name = TextField()
    begins_at = BigIntegerField()
    outcome = TextField()
    bucket = IntegerField()
    n = BigIntegerField()

    class Meta:
        """The table's name and key."""

        table_name = "execution_rollup"
        primary_key = CompositeKey(
            *("grouping_set", "period", "measure", "owner_id", "module", "task_name", "begins_at", "outcome", "bucket")
        )


class StartRateRow(Model):
    """When the bucket of starts of a scope is full again; one that is full has no row."""

    scope = TextField(primary_key=True)
    full_at = BigIntegerField()

    class Meta:
        """The table's name."""

        table_name = "start_rate"


class TokenRow(Model):
    """A key to the API. Only the keyed hash of its secret is here."""

    id = TextField(primary_key=True)
    secret_hash = TextField()
    owner_id = TextField()
    owner_name = TextField()
    role = TextField()
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    revoked_at = BigIntegerField(null=True)
    grants = TextField()
    name = TextField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        """The table's name."""

        table_name = "token"


class ProcessRow(Model):
    """A process of the service that lives, or did until `seen_at`. `queues` and `isolation_layers` are lists as JSON."""

    name = TextField(primary_key=True)
    role = TextField()
    version = TextField()
    host = TextField()
    pid = BigIntegerField()
    started_at = BigIntegerField()
    seen_at = BigIntegerField()
    queues = TextField()
    concurrency = IntegerField()
    isolation_level = TextField()
    isolation_layers = TextField()
    code_refusal = TextField()

    class Meta:
        """The table's name."""

        table_name = "process"


class AuditRow(Model):
    """Who did what, or was refused. Never changed; `actor_id` is NULL where the caller was not known."""

    id = TextField(primary_key=True)
    occurred_at = BigIntegerField()
    actor_id = TextField(null=True)
    actor_name = TextField()
    token_id = TextField()
    peer = TextField()
    method = TextField()
    resource_id = TextField()
    outcome = TextField()
    request_id = TextField()
    reason = TextField()
    detail = TextField()

    class Meta:
        """The table's name."""

        table_name = "audit_event"


class SealedSecretRow(Model):
    """A secret of a task, sealed for that place and no other."""

    task_id = TextField()
    kind = TextField()
    name = TextField()
    key_id = TextField()
    sealed = TextField()

    class Meta:
        """The table's name and key."""

        table_name = "sealed_secret"
        primary_key = CompositeKey("task_id", "kind", "name")


class SchemaRow(Model):
    """Which migrations were applied."""

    id = AutoField()
    version = IntegerField(unique=True)
    name = TextField()
    applied_at = BigIntegerField()

    class Meta:
        """The table's name."""

        table_name = "schema_version"


TABLES = [
    *(
        TaskRow,
        ExecutionRow,
        AttributeRow,
        AttemptRow,
        LogRow,
        EventRow,
        EventFloorRow,
        StartRateRow,
        TokenRow,
        ProcessRow,
        AuditRow,
    ),
    *(SealedSecretRow, OwnerBytesRow, LockRow, ChangeRow, RollupRow, SchemaRow),
]
