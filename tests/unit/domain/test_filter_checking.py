"""What a filter may ask of which field, and what an index answers of it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from task_server.domain.clock import SECOND, micros, moment
from task_server.domain.filters.checking import Anything, Checker, Condition, Pattern, Requirement
from task_server.domain.filters.fields import EXECUTION_FIELDS, TASK_FIELDS
from task_server.domain.filters.narrowing import decided, narrowed
from task_server.domain.filters.parser import parse
from task_server.domain.listing import ExecutionFilter
from task_server.domain.status import ExecutionStatus

SHANGHAI = ZoneInfo("Asia/Shanghai")


def check(text: str, fields=EXECUTION_FIELDS) -> tuple[Condition | None, list[str]]:
    checker = Checker(fields, SHANGHAI)
    tree = parse(text)
    assert tree is not None
    return checker.checked(tree), [f"{problem.position}: {problem.description}" for problem in checker.problems]


def condition(text: str) -> Condition:
    found, problems = check(text)
    assert problems == []
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("task_name = nightly", "nightly"),
        ("module = 5", "5"),
        ('task_name = "shop.*"', Pattern("shop.", False, True)),
        ("task_name = *.send", Pattern(".send", True, False)),
        ("task_name = *send*", Pattern("send", True, True)),
        ("task_name = *", Pattern("", True, True)),
        (r'task_name = "shop.\*"', "shop.*"),
        ('task_name > "a*b"', "a*b"),
        ("status = FAILURE", "FAILURE"),
        ("source:EVENT", "EVENT"),
        ("failure_reason:*", Anything()),
        ("retries >= 2", 2),
        ("duration > 1.5", 1_500_000),
        ("duration < 20s", 20 * SECOND),
        ("metadata.a = 5", 5),
        ("metadata.a = 5.0", 5),
        ("metadata.a = 0.5", 0.5),
        ("metadata.a = 1e20", 1e20),
        ('metadata.a = "5"', "5"),
        ("metadata.a = true", True),
        ("metadata.a = null", None),
        ("metadata.a != 'null'", "null"),
        ("metadata.a = nightly*", Pattern("nightly", False, True)),
    ],
)
def test_a_value_is_read_as_its_field_has_it(text: str, value: object) -> None:
    found = condition(text)
    assert isinstance(found, Requirement)
    assert found.value == value
    assert type(found.value) is type(value)


def test_a_date_is_the_beginning_of_the_day_in_the_zone() -> None:
    found = condition("created_at >= 2026-01-31")
    assert isinstance(found, Requirement)
    assert isinstance(found.value, int)
    assert moment(found.value).isoformat() == "2026-01-30T16:00:00+00:00"


def test_a_path_leads_to_keys_and_places() -> None:
    found = condition('task_args.0."1".b = x')
    assert isinstance(found, Requirement)
    assert found.path == (0, "1", "b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour = red", "1: 'colour' is no field to filter by; there are id, task_id"),
        ("result = 1", "1: 'result' is no field"),
        ("status = DONE", "1: status is one of PENDING, STARTED, SUCCESS"),
        ("status < FAILURE", "1: status is compared by = and != only"),
        ("status = FAIL*", "1: status is one of"),
        ("created_at > yesterday", "1: must be a date such as 2026-01-31"),
        ("created_at:2026-01-32", "1: must be a date"),
        ("retries = many", "1: 'many' is no number"),
        ("retries = 1e999", "1: '1e999' is no number"),
        ("duration = 5m", "1: '5m' is no number"),
        ("duration > 1e308", "1: '1e308' is more than"),
        ("duration > -2e12s", "1: '-2e12s' is more than"),
        ("module.a = 1", "1: module has no parts"),
        ("metadata = 1", "1: name what in metadata is compared, as metadata.team"),
        ("task_args = 1", "1: name what in task_args is compared, as task_args.0"),
        ("task_args.a = 1", "1: task_args is a list"),
        ("task_args.1234567890 = 1", "1: 1234567890 is no place in a list"),
        ('metadata."" = 1', "1: a key must neither be empty"),
        ("metadata.'\"' = 1", "1: a key must neither be empty"),
        ("metadata.a > null", "1: null is neither less nor greater"),
        ("task_name = a*b", "1: a * stands for anything only as the first or last character"),
        ("metadata.a = a*b", "1: a * stands for anything only as the first or last character"),
    ],
)
def test_what_can_not_be_asked_says_what_can(text: str, says: str) -> None:
    found, problems = check(text)
    assert found is None
    assert [problem[: len(says)] for problem in problems] == [says]


def test_all_that_is_wrong_is_said_at_once() -> None:
    _, problems = check("a = 1 AND (status = FAILURE OR NOT b = 2)")
    assert [problem.partition(" is no")[0] for problem in problems] == ["1: 'a'", "36: 'b'"]


def test_tasks_have_fields_of_their_own() -> None:
    assert check('task_type = delayed AND metadata.team = "data"', TASK_FIELDS)[1] == []
    assert check("task_name = a", TASK_FIELDS)[0] is None


def narrow(text: str, **given) -> ExecutionFilter:
    return narrowed(ExecutionFilter(condition=condition(text), **given))


def test_plain_equalities_become_fields_of_the_filter() -> None:
    text = "created_by = ann module = shop AND task_name = a AND parent_task = t AND status = FAILURE"
    assert narrow(text) == ExecutionFilter(
        owner_id="ann", module="shop", task_name="a", parent_task="t", status=ExecutionStatus.FAILURE
    )


@pytest.mark.parametrize(
    "text",
    [
        "NOT module = shop",
        "module = shop OR module = b",
        "module != shop",
        "module = shop*",
        'module = ""',
        "module:a",
        "worker = a",
    ],
)
def test_anything_else_stays_a_condition(text: str) -> None:
    assert narrow(text) == ExecutionFilter(condition=condition(text))


def test_a_filter_never_widens_whose_rows_are_asked_for() -> None:
    assert narrow("created_by = bob", owner_id="ann") == ExecutionFilter(
        owner_id="ann", condition=condition("created_by = bob")
    )
    assert narrow("created_by = ann", owner_id="ann") == ExecutionFilter(owner_id="ann")


def test_bounds_of_the_time_of_creation_become_the_filters_own() -> None:
    day = micros(moment(0).replace(year=2026, tzinfo=SHANGHAI))
    assert narrow("created_at >= 2026-01-01 created_at <= 2026-01-01") == ExecutionFilter(
        created_from=day, created_before=day + 1
    )
    assert narrow("created_at > 2026-01-01") == ExecutionFilter(created_from=day + 1)
    assert narrow("created_at = 2026-01-01", created_from=day - 5, created_before=day + 9) == ExecutionFilter(
        created_from=day, created_before=day + 1
    )
    assert narrow("created_at != 2026-01-01") == ExecutionFilter(condition=condition("created_at != 2026-01-01"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("status = FAILURE", True),
        ("status != FAILURE", False),
        ("NOT status = FAILURE", False),
        ("status = REVOKED", False),
        ("status = REVOKED OR status = FAILURE", True),
        ("status:*", None),
        ("status = FAILURE AND worker = a", "worker = a"),
        ("status = REVOKED AND worker = a", False),
        ("status = REVOKED OR worker = a", "worker = a"),
        ("(status = REVOKED OR worker = a) AND worker = b", "worker = a AND worker = b"),
        ("NOT (status = FAILURE AND worker = a)", "NOT worker = a"),
    ],
)
def test_of_rows_of_one_status_some_conditions_are_decided(text: str, left: str | bool | None) -> None:
    expected = left if isinstance(left, bool) else condition(left or text)
    assert decided(condition(text), ExecutionStatus.FAILURE) == expected
