"""Timestamps and durations from their JSON text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_DURATION = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]{0,9}))?|\.([0-9]{1,9}))s")
_LONGEST_DURATION = 315_576_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: str, *, digits: int | None = None) -> Timestamp:
    """Reads an RFC 3339 time from year 1 to 9999. What is finer than a nanosecond is cut off.

    Args:
        text: as `2026-01-31T12:00:00.5+08:00`.
        digits: how many digits of a second there may be; None for any number.

    Raises:
        ValueError: it is none.
    """
    match = _TIMESTAMP.fullmatch(text)
    reason = f"{text!r} is no RFC 3339 time such as 2026-01-31T12:00:00Z"
    if match is None or (digits is not None and len(match[7] or "") > digits):
        raise ValueError(reason)
    offset_hours, offset_minutes = int(match[9] or "0"), int(match[10] or "0")
    if offset_hours > 23 or offset_minutes > 59:
        raise ValueError(reason)
    offset = timedelta(hours=offset_hours, minutes=offset_minutes) * (-1 if match[8] == "-" else 1)
    try:
        whole = datetime(*(int(match[part]) for part in range(1, 7)), tzinfo=UTC) - offset  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError) as error:
        raise ValueError(reason) from error
    between = whole - _EPOCH
    return Timestamp(seconds=between.days * 86400 + between.seconds, nanos=int((match[7] or "").ljust(9, "0")[:9]))


def parse_duration(text: str) -> Duration:
    """Reads the JSON form of a Duration, as `3.5s`, at most 10,000 years. Raises ValueError if it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or len(match[2] or "") > 13 or int(match[2] or "0") > _LONGEST_DURATION:
        reason = f"{text!r} is no duration in seconds such as 3.5s"
        raise ValueError(reason)
    sign = -1 if match[1] == "-" else 1
    nanos = int((match[3] or match[4] or "").ljust(9, "0"))
    return Duration(seconds=sign * int(match[2] or "0"), nanos=sign * nanos)
