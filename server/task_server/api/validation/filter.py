"""Filter expressions (AIP-160), and the time zone of the dates in them."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from task_server.api.validation.violations import Violations
from task_server.domain import cron
from task_server.domain.clock_pattern import CronError
from task_server.domain.filters.checking import Checker, Condition
from task_server.domain.filters.fields import Field
from task_server.domain.filters.parser import FilterError, parse

UTC = ZoneInfo("UTC")


def check_zone(name: str, violations: Violations) -> ZoneInfo:
    """The IANA zone of that name, UTC for the empty one; also UTC with a violation, for one that is unknown."""
    try:
        return cron.parse_zone(name)
    except CronError as error:
        violations.add("time_zone", str(error))
        return UTC


def check_filter(text: str, fields: Mapping[str, Field], zone: ZoneInfo, violations: Violations) -> Condition | None:
    """The condition that a filter makes, None for none and with a violation for each comparison that can not be made."""
    try:
        tree = parse(text)
    except FilterError as error:
        _note(error, violations)
        return None
    if tree is None:
        return None
    checker = Checker(fields, zone)
    condition = checker.checked(tree)
    for problem in checker.problems:
        _note(problem, violations)
    return condition


def _note(problem: FilterError, violations: Violations) -> None:
    violations.add("filter", f"at character {problem.position}: {problem.description}")
