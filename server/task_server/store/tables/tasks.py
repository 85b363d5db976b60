"""The tables of tasks."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, Model, TextField


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
