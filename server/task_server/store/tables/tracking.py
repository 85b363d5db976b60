"""The table of what trackers have heard."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField


class HeardRow(Model):
    """Until when the events of a tracked app were heard, by whoever follows it."""

    app = TextField(primary_key=True)
    heard_until = BigIntegerField()

    class Meta:
        """The table's name."""

        table_name = "heard_app"
