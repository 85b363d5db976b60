"""Time as one kind of number: microseconds since the epoch, UTC, as an integer.

A float keeps microseconds only until 2255 in 8 bytes and not even seconds in PostgreSQL's 4-byte REAL; an integer is exact on
every database and compares by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Microseconds since the epoch, UTC.
Micros = int

SECOND: Micros = 1_000_000
#: A time that does not come, and that every database's BIGINT holds.
NEVER: Micros = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> Micros:
    """Return the aware `moment` in microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(value: Micros) -> datetime:
    """Return `value` as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def seconds(value: float) -> Micros:
    """Return so many seconds as microseconds."""
    return round(value * SECOND)


def iso(value: Micros | None) -> str | None:
    """A time as people and programs read it, to the second, in UTC; None for none."""
    return None if value is None else moment(value).strftime("%Y-%m-%dT%H:%M:%SZ")
