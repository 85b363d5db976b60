"""The table of locks."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, IntegerField, Model, TextField


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
