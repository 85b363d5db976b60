"""What statistics of executions read: from the rollup as far as it has cells, from rows where it has none.

All that is read in one transaction is of one moment, and counts the executions that `store.rollups.count` counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from task_server.domain.clock import Micros
from task_server.domain.listing import ExecutionFilter
from task_server.domain.time_buckets import bucket
from task_server.store.clause import Clause, joined
from task_server.store.dialect import dialect
from task_server.store.rollup_cells import (
    MODULE,
    OUTCOMES,
    OWNER,
    QUARTER,
    RUN_PERIODS,
    TASK_NAME,
    TIME_PERIODS,
    Measure,
    Names,
)
from task_server.store.rollup_spans import Span, folded, made_in, spans
from task_server.store.statement import Row
from task_server.store.tables.executions import ExecutionRow

#: By which names there are maps.
KEYS = {"owner_id": OWNER, "module": MODULE, "task_name": TASK_NAME}
#: A row as the triggers count it.
_COUNTED = (
    "SELECT owner_id, module, task_name, created_at, "
    "CASE WHEN status = 'FAILURE' AND failure_reason = 'OUTCOME_UNKNOWN' THEN 'UNKNOWN' ELSE status END AS outcome, "
    "CASE WHEN started_at >= due_at THEN started_at - due_at END AS waited, "
    "CASE WHEN finished_at >= started_at THEN finished_at - started_at END AS ran, 1 AS n FROM execution WHERE "
)


class Counts:
    """The executions that match a filter. Each method runs inside a transaction of the caller's."""

    def __init__(self, wanted: ExecutionFilter) -> None:
        self._wanted = wanted
        self._names = Names.of(wanted)
        self._has_cells = wanted.condition is None and not wanted.parent_task

    def by_key(self, key: str, limit: int) -> list[tuple[str, int]]:
        """How many there are of each key, one of `KEYS`: of those with the most, at most `limit`."""
        grouping_set = self._names.grouping_set | KEYS[key]
        at = self._spans(RUN_PERIODS.get(grouping_set, ()))
        parts = [*self._cells(at, grouping_set, key, Measure.RUNS), *self._uncounted(at, key)]
        found = _read(
            parts, f"SELECT {key}, SUM(n) FROM", f"GROUP BY 1 HAVING SUM(n) > 0 ORDER BY 2 DESC, 1 LIMIT {limit}"
        )
        return [(name, int(n)) for name, n in found]

    def by_outcome(self, periods: Sequence[Micros]) -> list[tuple[str, Micros, int]]:
        """How many there are of each outcome, by the beginning of the period or quarter in which they were made.

        `periods` are the lengths that may be told of, longest first. What a longer period counts may have been taken from it in
        a quarter of it since: a number may be below zero, and their sums over a period are right.
        """
        grouping_set = self._names.grouping_set
        at = self._spans([period for period in RUN_PERIODS.get(grouping_set, ()) if period in periods])
        parts = [
            *self._cells(at, grouping_set, "outcome, begins_at", Measure.RUNS),
            *self._uncounted(at, f"outcome, created_at / {QUARTER} * {QUARTER} AS begins_at"),
        ]
        found = _read(parts, "SELECT outcome, begins_at, SUM(n) FROM", "GROUP BY 1, 2 HAVING SUM(n) <> 0")
        return [(outcome, int(begins_at), int(n)) for outcome, begins_at, n in found]

    def times(self, measure: int) -> dict[int, int]:
        """How many waited, or ran, for a time of each bucket."""
        grouping_set = self._names.grouping_set
        at = self._spans(TIME_PERIODS.get(grouping_set, ()))
        counts: dict[int, int] = defaultdict(int)
        cells = self._cells(at, grouping_set, "bucket", measure)
        for number, n in _read(cells, "SELECT bucket, SUM(n) FROM", "GROUP BY 1"):
            counts[number] += int(n)
        time = {Measure.WAITED: "waited", Measure.RAN: "ran"}[measure]
        for micros, n in _read(
            self._uncounted(at, time), f"SELECT {time}, SUM(n) FROM", f"WHERE {time} IS NOT NULL GROUP BY 1"
        ):
            counts[bucket(micros)] += int(n)
        return {number: n for number, n in counts.items() if n}

    def _spans(self, periods: Sequence[Micros]) -> list[Span]:
        return spans(self._wanted.created_from, self._wanted.created_before, periods if self._has_cells else ())

    def _cells(self, at: Sequence[Span], grouping_set: int, columns: str, measure: int) -> list[Clause]:
        mark = dialect().mark
        asked = [Clause(f"grouping_set = {mark} AND measure = {mark}", (grouping_set, measure)), *self._outcomes()]
        for (name, bit), value in zip(KEYS.items(), self._names, strict=True):
            if value or not grouping_set & bit:
                asked.append(Clause(f"{name} = {mark}", (value,)))
        return [
            joined(
                "AND",
                [
                    *asked,
                    Clause(
                        f"period = {mark} AND begins_at >= {mark} AND begins_at < {mark}",
                        (span.period, span.begin, span.end),
                    ),
                ],
            ).within(f"SELECT {columns}, n FROM execution_rollup WHERE ", "")  # noqa: S608 - names of ours
            for span in folded(at)
        ]

    def _uncounted(self, at: Sequence[Span], columns: str) -> list[Clause]:
        """What no cell counts: changes that are not folded yet, of the times that have cells, and rows of the others."""
        mark = dialect().mark
        parts = [
            made_in(self._wanted, span).within(
                f"SELECT {columns}, n FROM ({_COUNTED}",  # noqa: S608 - names of ours
                ") AS counted",
            )
            for span in at
            if span.period is None
        ]
        if counted := folded(at):
            # They lie side by side.
            made = Clause(f"created_at >= {mark} AND created_at < {mark}", (counted[0].begin, counted[-1].end))
            given = [Clause(f"{name} = {mark}", (value,)) for name, value in self._names.given.items()]
            asked = joined("AND", [made, *given, *self._outcomes()])
            parts.append(asked.within(f"SELECT {columns}, n FROM execution_change WHERE ", ""))  # noqa: S608
        return parts

    def _outcomes(self) -> list[Clause]:
        if self._wanted.status is None:
            return []
        words = OUTCOMES[self._wanted.status]
        return [Clause(f"outcome IN ({', '.join(dialect().mark for _ in words)})", words)]


def _read(parts: Sequence[Clause], before: str, behind: str) -> list[Row]:
    if not parts:
        return []
    text = " UNION ALL ".join(part.text for part in parts)
    values = [value for part in parts for value in part.values]
    found: list[Row] = ExecutionRow._meta.database.execute_sql(
        f"{before} ({text}) AS counted {behind}", values
    ).fetchall()
    return found
