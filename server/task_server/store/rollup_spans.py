"""Of which periods a stretch of time is made: as few as may be, and what is left at its ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from task_server.domain.clock import NEVER, Micros
from task_server.domain.listing import ExecutionFilter
from task_server.domain.status import ExecutionStatus
from task_server.store.clause import Clause, joined
from task_server.store.dialect import dialect
from task_server.store.matching import executions_clause
from task_server.store.rollup_cells import ALL_TIME

#: Before all times.
_EVER = -NEVER


class Span(NamedTuple):
    """From `begin` to before `end`, in periods of a length that cells have; None where only rows can be counted."""

    period: Micros | None
    begin: Micros
    end: Micros


def spans(begin: Micros | None, end: Micros | None, periods: Sequence[Micros]) -> list[Span]:
    """The spans of the time from `begin` to before `end`, in order; None is without a bound. `periods` come longest first."""
    if begin is None and end is None and ALL_TIME in periods:
        return [Span(ALL_TIME, _EVER, NEVER)]
    lengths = [period for period in periods if period != ALL_TIME]
    return list(_split(_EVER if begin is None else begin, NEVER if end is None else end, lengths))


def folded(all_spans: Iterable[Span]) -> list[Span]:
    """Those that cells count. They lie side by side."""
    return [span for span in all_spans if span.period is not None]


def made_in(wanted: ExecutionFilter, span: Span) -> Clause:
    """What is true of the executions that match and were made in a span, which no cell counts."""
    if span.begin == _EVER and span.end == NEVER:
        return executions_clause(wanted)
    begin = None if span.begin == _EVER else span.begin
    asked = executions_clause(
        replace(wanted, created_from=begin, created_before=None if span.end == NEVER else span.end)
    )
    if wanted.status is not None:
        return asked
    # Lists' indexes have the status before the time.
    any_status = f"status IN ({', '.join(dialect().mark for _ in ExecutionStatus)})"
    return joined("AND", [asked, Clause(any_status, tuple(ExecutionStatus))])


def _split(begin: Micros, end: Micros, lengths: Sequence[Micros]) -> Iterator[Span]:
    if begin >= end:
        return
    if not lengths:
        yield Span(None, begin, end)
        return
    length, *shorter = lengths
    first = begin if begin == _EVER else -(-begin // length) * length
    last = end if end == NEVER else end // length * length
    if first >= last:
        yield from _split(begin, end, shorter)
        return
    yield from _split(begin, first, shorter)
    yield Span(length, first, last)
    yield from _split(last, end, shorter)
