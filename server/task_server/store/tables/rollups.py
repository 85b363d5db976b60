"""The tables of how many executions there are."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, CompositeKey, IntegerField, Model, TextField


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
