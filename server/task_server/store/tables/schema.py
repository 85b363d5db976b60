"""The schema: which migrations made it, and all tables of it."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField

from task_server.store.tables.access import AuditRow, TokenRow
from task_server.store.tables.events import EventFloorRow, EventRow
from task_server.store.tables.executions import AttemptRow, AttributeRow, ExecutionRow, LogRow
from task_server.store.tables.limits import OwnerBytesRow, StartRateRow
from task_server.store.tables.locks import LockRow
from task_server.store.tables.processes import ProcessRow
from task_server.store.tables.requests import ExecutedRequestRow
from task_server.store.tables.rollups import ChangeRow, RollupRow
from task_server.store.tables.tasks import SealedSecretRow, TaskRow
from task_server.store.tables.tracking import HeardRow


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
    SealedSecretRow,
    OwnerBytesRow,
    LockRow,
    ExecutedRequestRow,
    ChangeRow,
    RollupRow,
    HeardRow,
    SchemaRow,
]
