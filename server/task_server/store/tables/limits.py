"""The tables of what owners have and how fast they go."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField


class OwnerBytesRow(Model):
    """Bytes that tasks and executions of an owner hold; the database adds to it by itself. The sum of an owner's rows counts."""

    owner_id = TextField()
    source_bytes = BigIntegerField()
    result_bytes = BigIntegerField()

    class Meta:
        """The table's name; it has no key."""

        table_name = "owner_bytes"
        primary_key = False


class StartRateRow(Model):
    """When the bucket of starts of a scope is full again; one that is full has no row."""

    scope = TextField(primary_key=True)
    full_at = BigIntegerField()

    class Meta:
        """The table's name."""

        table_name = "start_rate"
