"""The table of requests that made executions."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, Model, TextField


class ExecutedRequestRow(Model):
    """A request of a user that is not done twice. `execution_ids` is a list as JSON: what it made."""

    owner_id = TextField()
    request_id = TextField()
    digest = TextField()
    execution_ids = TextField()
    made_at = BigIntegerField()

    class Meta:
        """The table's name and key."""

        table_name = "executed_request"
        primary_key = CompositeKey("owner_id", "request_id")
