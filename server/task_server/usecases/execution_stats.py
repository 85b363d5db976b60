"""Statistics of executions: the numbers that lists of the same filter have, and how long things take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from task_server.domain.clock import Micros
from task_server.domain.execution_stats import MOST_KEYS, MOST_PERIODS, ExecutionStats, Percentiles, Period
from task_server.domain.listing import ExecutionFilter
from task_server.domain.periods import PeriodLength, period_begin
from task_server.domain.status import ExecutionStatus
from task_server.domain.time_buckets import percentiles
from task_server.store.execution_stats import KEYS, Counts
from task_server.store.rollup_cells import DAY, QUARTER, Measure, Names, status_of
from task_server.usecases.ports import Ports


class ExecutionStatistics:
    """The use case of statistics."""

    def __init__(self, ports: Ports) -> None:
        self._database = ports.database

    def count(self, wanted: ExecutionFilter, zone: ZoneInfo, length: PeriodLength) -> ExecutionStats:
        """Count the executions that match, all in one snapshot; periods are days or hours of the zone."""
        given = Names.of(wanted).given
        with self._database.read():
            counts = Counts(wanted)
            found = counts.by_outcome(_period_lengths(zone, length))
            total = sum(n for _, _, n in found)
            maps = {
                key: [(given[key], total)] if key in given and total else counts.by_key(key, MOST_KEYS + 1)
                for key in KEYS
            }
            waited, ran = counts.times(Measure.WAITED), counts.times(Measure.RAN)
        periods = _periods(found, zone, length)
        outcomes: Counter[str] = Counter()
        by_status: Counter[ExecutionStatus] = Counter()
        for outcome, _, n in found:
            outcomes[outcome] += n
            by_status[status_of(outcome)] += n
        return ExecutionStats(
            total=total,
            by_status=+by_status,
            by_module=dict(maps["module"][:MOST_KEYS]),
            by_task_name=dict(maps["task_name"][:MOST_KEYS]),
            by_user=dict(maps["owner_id"][:MOST_KEYS]),
            success_rate=_success_rate(outcomes),
            waiting=_percentiles(waited),
            running=_percentiles(ran),
            periods=periods[-MOST_PERIODS:],
            truncated=len(periods) > MOST_PERIODS or any(len(names) > MOST_KEYS for names in maps.values()),
        )


def _period_lengths(zone: ZoneInfo, length: PeriodLength) -> tuple[Micros, ...]:
    """Of which lengths of UTC's clock the periods can be made."""
    return (DAY, QUARTER) if zone.key == "UTC" and length is PeriodLength.DAY else (QUARTER,)


def _periods(found: list[tuple[str, Micros, int]], zone: ZoneInfo, length: PeriodLength) -> list[Period]:
    begins = {time: period_begin(time, zone, length) for time in {time for _, time, _ in found}}
    counts: dict[Micros, Counter[ExecutionStatus]] = defaultdict(Counter)
    for outcome, time, n in found:
        counts[begins[time]][status_of(outcome)] += n
    return [Period(begin=begin, by_status=made) for begin in sorted(counts) if (made := +counts[begin])]


def _success_rate(outcomes: Mapping[str, int]) -> float:
    """Of those of which it is known how they ended: a FAILURE of which it is not has another outcome."""
    succeeded, failed = outcomes[ExecutionStatus.SUCCESS], outcomes[ExecutionStatus.FAILURE]
    return succeeded / (succeeded + failed) if succeeded else 0.0


def _percentiles(counts: Mapping[int, int]) -> Percentiles:
    p50, p95, p99 = percentiles(counts, (50, 95, 99))
    return Percentiles(p50=p50, p95=p95, p99=p99, count=sum(counts.values()))
