"""The table of the service's own processes."""

from __future__ import annotations

from peewee import BigIntegerField, IntegerField, Model, TextField


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
