"""A cron expression on a clock without a zone: what it names, and what comes next. The one module that knows croniter.

Beyond numbers, lists, ranges, steps and the names of months and weekdays there are, as croniter reads them: `L` (the last day of
the month), `15W` (the weekday nearest to the 15th), `5#3` and `L5` (the third and the last Friday of the month). A day and a
weekday that are both named mean either of them, as in every cron; a weekday with `#` or `L` narrows the days down instead.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache

from croniter import croniter

#: How far ahead the next match is looked for. 29 February on a given weekday comes within 40 years.
_HORIZON_YEARS = 40
#: The calendar ends with 9999; its last year is left out, so that no arithmetic about a firing can leave the calendar.
LAST_YEAR = 9999
#: All minutes as a list are 169; what is longer costs more to read than an expression may.
_MAX_CHARACTERS = 500
SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
#: How many patterns a thread keeps: to read one costs as much as to find what comes next.
_KEPT = 256
_TICK = timedelta(seconds=1)


class CronError(ValueError):
    """The expression or the zone is wrong, or never fires. The message says what to write instead."""


class ClockPattern:
    """What an expression names. Each thread has its own, from `pattern`: croniter keeps its place in itself."""

    def __init__(self, expression: str) -> None:
        fields = _fields(expression)
        try:
            self._iterator = _croniter(" ".join(fields))
        except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
            message = f"{expression!r} is no cron expression ({error}); write for example '*/5 * * * *'"
            raise CronError(message) from None
        #: As they were written: minute, hour, day, month, weekday, with the second first where there are six.
        self.fields = fields
        #: Whether it names no hours, so that it goes by elapsed time.
        self.is_elapsed = fields[-4].startswith("*")

    def following(self, clock: datetime) -> datetime | None:
        """The first match after `clock`; None when there is none within 40 years or before the year 9999."""
        # Matches are on whole seconds, and croniter's floats do not keep microseconds in far years.
        self._iterator.set_current(clock.replace(microsecond=0, tzinfo=UTC), force=True)
        try:
            match: datetime = self._iterator.get_next(datetime)
        except (ValueError, OverflowError):  # Nothing within the horizon, or not before the calendar's end.
            return None
        return match.replace(tzinfo=None) if match.year < LAST_YEAR else None

    @cached_property
    def times(self) -> tuple[list[int], list[int], list[int]]:
        """The hours, minutes and seconds that it names. On a day that matches, each combination of them does."""
        expanded = self._iterator.expanded
        second = expanded[5] if len(self.fields) == 6 else [0]
        ranges = ((expanded[1], 24), (expanded[0], 60), (second, 60))
        hours, minutes, seconds = (list(range(end)) if "*" in part else sorted(set(part)) for part, end in ranges)
        return hours, minutes, seconds

    def has_day(self, day: date) -> bool:
        """Whether it matches at any time of that day."""
        if set(self.fields[-3:]) == {"*"}:
            return True
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - on a clock without a zone
        return self._days.following(midnight - _TICK) == midnight

    @cached_property
    def _days(self) -> ClockPattern:
        return ClockPattern(" ".join(["0", "0", *self.fields[-3:]]))


class _Patterns(threading.local):
    """The patterns of one thread."""

    def __init__(self) -> None:
        self.get = lru_cache(maxsize=_KEPT)(ClockPattern)


_patterns = _Patterns()


def pattern(expression: str) -> ClockPattern:
    """This thread's pattern of an expression. Raises CronError when it is malformed."""
    return _patterns.get(expression)


def _croniter(expression: str) -> croniter:
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return croniter(expression, start, second_at_beginning=True, max_years_between_matches=_HORIZON_YEARS)


def _fields(expression: str) -> list[str]:
    if len(expression) > _MAX_CHARACTERS:
        message = f"a cron expression has at most {_MAX_CHARACTERS} characters, not {len(expression):,}"
        raise CronError(message)
    if expression.startswith("@") and expression not in SHORTHANDS:
        message = f"unknown shorthand {expression!r}; use one of {', '.join(SHORTHANDS)}"
        raise CronError(message)
    fields = SHORTHANDS.get(expression, expression).split()
    if not expression.isascii():
        message = (
            f"{expression!r} is no cron expression (it has characters beyond ASCII); write for example '*/5 * * * *'"
        )
        raise CronError(message)
    if len(fields) not in (5, 6):
        message = "a cron expression has 5 fields (minute hour day month weekday), or 6 with seconds first"
        raise CronError(message)
    if re.search(r"\b[Rr]\b|[Rr]\(|\b[Hh]\b|[Hh]\(", expression):
        message = "random (R) and hashed (H) fields are not supported; write the times themselves"
        raise CronError(message)
    return fields
