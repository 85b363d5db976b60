"""All that must hold after a run, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.faults import (
    check_attempts,
    check_counts,
    check_deadlines,
    check_firings,
    check_lives,
    check_module_stops,
    check_places,
    check_processes,
    check_queues,
    check_results,
    check_stream,
    check_updates,
)
from tests.faults.facts import Facts
from tests.faults.finding import Finding

Check = Callable[[Facts], Iterator[Finding]]
_MODULES = (
    check_lives,
    check_attempts,
    check_queues,
    check_places,
    check_deadlines,
    check_results,
    check_updates,
    check_module_stops,
    check_firings,
    check_stream,
    check_counts,
    check_processes,
)

INVARIANTS: dict[str, Check] = {
    check.__name__.replace("_", " "): check for module in _MODULES for check in module.CHECKS
}


def broken(facts: Facts) -> dict[str, list[Finding]]:
    """The invariants that do not hold, each with what was found."""
    found = {name: list(check(facts)) for name, check in INVARIANTS.items()}
    return {name: findings for name, findings in found.items() if findings}
