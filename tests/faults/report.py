"""The matrix: each fault, what was under way when it came, what it cost. All of it is Markdown, to be shown as it is."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping

from tests.faults.facts import Facts
from tests.faults.finding import Finding
from tests.faults.storm import Injection

_SECOND = 1_000_000
_HEADS = (
    "fault",
    "times injected",
    "tasks in flight",
    "lost",
    "doubled final states",
    "double firings",
    "seconds to recover",
)
#: The columns that count findings, with the invariants whose findings they count.
_LOST = ("what was answered is stored", "everything ended", "side effects happen", "runs end as they must")
_DOUBLED = ("nothing ended twice", "one attempt decides", "moves are legal")
_FIRINGS = ("schedules fire as written",)
_SHOWN = 10


def markdown(facts: Facts, broken: Mapping[str, list[Finding]]) -> str:
    """Where the run was, the matrix, the totals, and how each column is to be read."""
    options = facts.evidence.options
    title = f"{options.database}, seed {options.seed}, {options.seconds:g} s: `{options.command}`"
    return "\n\n".join((title, _matrix(facts, broken), _totals(facts), _NOTE))


_NOTE = (
    "Tasks in flight: executions that were due and had not ended when the fault came, on average, and at most. Lost, doubled "
    "final states and double firings: tasks found so that lived while the fault was there. Seconds to recover: from the end "
    "of a fault, and of those that overlapped with it, until a task created then had succeeded in each queue, median, and at "
    "most."
)


def particulars(broken: Mapping[str, list[Finding]]) -> str:
    """What is broken, the first findings of each."""
    lines = []
    for name, findings in broken.items():
        lines.append(f"BROKEN: {name} ({len(findings)} findings)")
        lines += [
            f"  {finding.what}" + (f" (task {finding.task_id})" if finding.task_id else "")
            for finding in findings[:_SHOWN]
        ]
    return "\n".join(lines)


def _matrix(facts: Facts, broken: Mapping[str, list[Finding]]) -> str:
    """The table, one line a fault, and one for all."""
    injections = facts.evidence.injections
    kinds = sorted({injection.fault for injection in injections})
    lines = [_HEADS, *(_line(kind, [i for i in injections if i.fault == kind], facts, broken) for kind in kinds)]
    lines.append(_line("**all**", injections, facts, broken))
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)


def _totals(facts: Facts) -> str:
    """How much went through."""
    evidence = facts.evidence
    firings = sum(run.scheduled_for is not None for run in facts.executions)
    updates = [update for made in evidence.made for update in made.updates]
    stops = sum(bool(made.stopped) for made in evidence.made)
    return (
        f"Totals: {len(facts.tasks):,} tasks created, {len(facts.executions):,} executions "
        f"({_counts(run.status for run in facts.executions)}; {firings:,} of them firings), {len(facts.attempts):,} attempts "
        f"({_counts(str(attempt.outcome) for attempt in facts.attempts)}), {evidence.kills:,} kills. Besides: "
        f"{sum(run.failure_reason == 'DEADLINE_EXCEEDED' for run in facts.executions):,} deadlines passed, "
        f"{sum(bool(update.etag) for update in updates):,} of {len(updates):,} updates accepted, "
        f"{stops:,} tasks stopped one by one, {sum(stop.stopped for stop in evidence.module_stops):,} by "
        f"{len(evidence.module_stops):,} stops by filter, {len(evidence.calls):,} calls in the ledger, "
        f"{len(facts.events):,} events. Durations: "
        + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in evidence.phases.items())
        + "."
    )


def _counts(words: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count:,} {word}" for word, count in sorted(counts.items()))


def _line(name: str, injections: list[Injection], facts: Facts, broken: Mapping[str, list[Finding]]) -> tuple[str, ...]:
    recoveries = [each.recovery_seconds for each in injections if each.recovery_seconds is not None]
    in_flight = [each.in_flight for each in injections]
    return (
        name,
        str(len(injections)),
        f"{statistics.mean(in_flight):.0f} (most {max(in_flight)})" if in_flight else "",
        *(str(_touching(injections, facts, broken, names)) for names in (_LOST, _DOUBLED, _FIRINGS)),
        f"{statistics.median(recoveries):.2f} (most {max(recoveries):.2f})" if recoveries else "",
    )


def _touching(
    injections: Iterable[Injection], facts: Facts, broken: Mapping[str, list[Finding]], names: Iterable[str]
) -> int:
    """The tasks with such findings that lived while one of the faults was there."""
    tasks = {finding.task_id for name in names for finding in broken.get(name, [])}
    return sum(any(_lived(task_id, injection, facts) for injection in injections) for task_id in tasks)


def _lived(task_id: str, injection: Injection, facts: Facts) -> bool:
    task = facts.task.get(task_id)
    if task is None:
        return True
    ends = [run.finished_at for run in facts.executions_of[task_id]]
    over = None if None in ends or not ends else max(end or 0 for end in ends)
    began = injection.began * _SECOND
    ended = (injection.ended + (injection.recovery_seconds or 0.0)) * _SECOND
    return task.created_at <= ended and (over is None or over >= began)
