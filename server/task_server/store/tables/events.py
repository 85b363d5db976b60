"""The tables of the stream of changes."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, IntegerField, Model, TextField


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
