"""How long an HTTP answer asks to wait before its call is made again (RFC 9110, 10.2.3).

It is read from the result that the child sent, which may hold anything: whatever is not a status or a time is ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from task_server.domain.retry import MAX_RETRY_AFTER

_DELAY_SECONDS = re.compile(r"[0-9]+")
#: RFC 9110, 5.6.7: the one that is written, and the two that are read too.
_DATE_FORMATS = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
#: Longer than any date, and than any number of seconds that is not cut anyway.
_MAX_CHARACTERS = 64


def answer_of(result_json: str | None, now: datetime) -> tuple[int | None, float | None]:
    """The status of an answer, and how many seconds it asks to wait, from a call's result. None for what it does not say.

    Parameters:
        now: our clock, aware; used for a date where the answer has no date of its own.
    """
    result = json.loads(result_json) if result_json is not None else None
    if not isinstance(result, dict):
        return None, None
    status, headers = result.get("status"), result.get("headers")
    known = type(status) is int and 100 <= status <= 599
    return status if known else None, retry_after(headers, now) if isinstance(headers, dict) else None


def retry_after(headers: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds from 0 to MAX_RETRY_AFTER that the header asks for; None where there is none, or none that makes sense.

    A date is measured from the answer's own Date where it has one, so that it does not matter how the clocks differ.
    """
    said = _header(headers, "retry-after")
    if _DELAY_SECONDS.fullmatch(said):
        return min(float(said), MAX_RETRY_AFTER)
    until = _date(said)
    if until is None:
        return None
    seconds = (until - (_date(_header(headers, "date")) or now)).total_seconds()
    return min(seconds, MAX_RETRY_AFTER) if seconds >= 0 else None


def _header(headers: Mapping[str, Any], name: str) -> str:
    for key, value in headers.items():
        if key.lower() == name and isinstance(value, str) and len(value) <= _MAX_CHARACTERS:
            return value.strip()
    return ""


def _date(text: str) -> datetime | None:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
