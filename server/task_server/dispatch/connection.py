"""Celery's connections to the broker, but that a lost one is asked for again within seconds, however long the broker was away.

kombu waits 2 s longer after each try, up to 30 s, and Celery has no setting for that: after an outage of minutes its workers
would do nothing for half a minute more.
"""

from __future__ import annotations

from typing import Any

from celery.app.amqp import AMQP
from kombu import connection

#: The longest wait between two tries, in seconds. Each try of each worker is a line in its log.
_LONGEST_SECONDS = 4


class Connection(connection.Connection):
    """A connection that is asked for again every few seconds."""

    def _ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super()._ensure_connection(*args, **{"interval_max": _LONGEST_SECONDS, **options})  # type: ignore[no-untyped-call]


class Messaging(AMQP):  # type: ignore[misc] # celery ships no types
    """What `Celery` makes its connections with."""

    Connection = Connection
