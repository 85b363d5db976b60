"""The tables of executions: what is asked for in lists, and what belongs to each."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, IntegerField, Model, TextField


class ExecutionRow(Model):
    """An execution. `publish_after` is when the scheduler publishes it, unless it was claimed before; NEVER for a held one.

    `sync_after` is when a foreign one's result backend is asked next; NULL for one that has ended, and for a run of ours.
    `ordinal` is which of those with its `registered_task_id` a foreign one is, from 0.
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
    named_by = TextField(null=True)
    is_registered = IntegerField()
    ordinal = IntegerField(null=True)

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
