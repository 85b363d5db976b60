"""Filters and pages of lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from task_manager.v1 import execution_service_pb2, task_service_pb2
from task_server.api.validation import listing
from task_server.api.validation.filter import UTC
from task_server.api.validation.listing import PageTokens
from task_server.api.validation.violations import Violations
from task_server.domain.clock import micros
from task_server.domain.errors import InvalidFields, InvalidPageToken
from task_server.domain.owner import Caller
from task_server.domain.schedule import TaskType
from task_server.domain.status import ExecutionStatus, TaskStatus


def fields(violations: Violations) -> list[str]:
    try:
        violations.raise_any()
    except InvalidFields as error:
        return [violation.field for violation in error.violations]
    return []


def test_a_page_with_all_parts_holds_fewer_rows() -> None:
    assert listing.check_page_size(1000, Violations(), full=True) == 20
    assert listing.check_page_size(7, Violations(), full=True) == 7


@pytest.mark.parametrize(
    ("requested", "size", "wrong"), [(0, 50, []), (7, 7, []), (5000, 1000, []), (-1, 50, ["page_size"])]
)
def test_the_size_of_a_page_is_bounded(requested: int, size: int, wrong: list[str]) -> None:
    violations = Violations()
    assert listing.check_page_size(requested, violations, full=False) == size
    assert fields(violations) == wrong


@pytest.mark.parametrize(
    ("view", "default", "full", "wrong"),
    [
        (0, 1, False, []),
        (0, 2, True, []),
        (1, 2, False, []),
        (2, 1, True, []),
        (3, 1, False, ["view"]),
        (-1, 1, False, ["view"]),
    ],
)
def test_a_view_is_basic_or_full(view: int, default: int, full: bool, wrong: list[str]) -> None:
    violations = Violations()
    assert listing.check_view(view, default, violations) is full
    assert fields(violations) == wrong


@pytest.mark.parametrize(
    ("value", "status", "wrong"), [(0, None, []), (8, TaskStatus.PAUSED, []), (9, None, ["status"])]
)
def test_a_task_status_is_one_of_the_contract(value: int, status: TaskStatus | None, wrong: list[str]) -> None:
    violations = Violations()
    assert listing.check_task_status(value, violations) is status
    assert fields(violations) == wrong


@pytest.mark.parametrize(
    ("value", "status", "wrong"), [(0, None, []), (6, ExecutionStatus.REVOKED, []), (7, None, ["status"])]
)
def test_an_execution_status_is_one_of_the_contract(
    value: int, status: ExecutionStatus | None, wrong: list[str]
) -> None:
    violations = Violations()
    assert listing.check_execution_status(value, violations) is status
    assert fields(violations) == wrong


@pytest.mark.parametrize(
    ("value", "kind", "wrong"), [("", None, []), ("delayed", TaskType.DELAYED, []), ("DELAYED", None, ["task_type"])]
)
def test_a_task_type_is_one_of_three(value: str, kind: TaskType | None, wrong: list[str]) -> None:
    violations = Violations()
    assert listing.check_task_type(value, violations) is kind
    assert fields(violations) == wrong


@pytest.mark.parametrize(
    ("value", "is_end", "meaning"),
    [
        ("2026-01-31", False, "2026-01-31T00:00:00Z"),
        ("2026-01-31", True, "2026-02-01T00:00:00Z"),
        ("2026-01-31T08:00:00Z", False, "2026-01-31T08:00:00Z"),
        ("2026-01-31T08:00:00Z", True, "2026-01-31T08:00:00Z"),
        ("2026-01-31T08:00:00.25+08:00", True, "2026-01-31T00:00:00.25Z"),
        ("0001-01-01", False, "0001-01-01T00:00:00Z"),
    ],
)
def test_a_date_is_its_whole_day_and_a_time_itself(value: str, is_end: bool, meaning: str) -> None:
    violations = Violations()
    assert listing.check_date("start_date", value, UTC, violations, is_end=is_end) == micros(
        datetime.fromisoformat(meaning)
    )
    assert fields(violations) == []


def test_the_last_day_of_the_calendar_is_an_end() -> None:
    violations = Violations()
    found = listing.check_date("end_date", "9999-12-31", UTC, violations, is_end=True)
    assert found == micros(datetime.fromisoformat("9999-12-31T23:59:59.999999Z")) + 1
    assert fields(violations) == []


@pytest.mark.parametrize(
    "value",
    [
        "today",
        "2026-02-30",
        "2026-01-31T08:00:00",
        "2026-13-01",
        "31.1.2026",
        "2026-01-31 ",
        "\N{ARABIC-INDIC DIGIT TWO}026-01-31",
        "0",
    ],
)
def test_what_is_neither_a_date_nor_a_time_with_its_offset_is_refused(value: str) -> None:
    violations = Violations()
    assert listing.check_date("end_date", value, UTC, violations, is_end=True) is None
    assert fields(violations) == ["end_date"]


def test_no_date_is_no_bound() -> None:
    assert listing.check_date("end_date", "", UTC, Violations(), is_end=True) is None


TOKENS = PageTokens(b"k" * 32)
REQUEST = task_service_pb2.ListTasksRequest(module="m", page_size=10)


def test_a_page_token_leads_to_its_page(ann: Caller) -> None:
    token = TOKENS.next_token(REQUEST, ann, "last")
    assert TOKENS.last_id(REQUEST, token, ann) == "last"
    assert TOKENS.last_id(REQUEST, "", ann) == ""


def test_the_size_of_the_page_may_change_on_the_way(ann: Caller) -> None:
    token = TOKENS.next_token(REQUEST, ann, "last")
    following = task_service_pb2.ListTasksRequest(module="m", page_size=99, page_token=token)
    assert TOKENS.last_id(following, token, ann) == "last"


@pytest.mark.parametrize(
    "other",
    [
        task_service_pb2.ListTasksRequest(),
        task_service_pb2.ListTasksRequest(module="n"),
        task_service_pb2.ListTasksRequest(module="m", my_tasks=True),
        task_service_pb2.ListTasksRequest(module="m", view=2),
        task_service_pb2.ListScheduledTasksRequest(module="m"),
    ],
)
def test_a_page_token_is_good_for_the_same_request_only(other: Any, ann: Caller) -> None:
    token = TOKENS.next_token(REQUEST, ann, "last")
    with pytest.raises(InvalidPageToken):
        TOKENS.last_id(other, token, ann)


def test_a_page_token_of_one_list_is_not_good_for_another(ann: Caller) -> None:
    # Both messages are empty: only their kind tells them apart.
    token = TOKENS.next_token(task_service_pb2.ListTasksRequest(), ann, "last")
    with pytest.raises(InvalidPageToken):
        TOKENS.last_id(execution_service_pb2.ListExecutionsRequest(), token, ann)


def test_a_page_token_is_good_for_its_caller_only(ann: Caller, bob: Caller) -> None:
    with pytest.raises(InvalidPageToken):
        TOKENS.last_id(REQUEST, TOKENS.next_token(REQUEST, ann, "last"), bob)


@pytest.mark.parametrize("token", ["x", "AAAA", "last", "世", "A" * 1000])
def test_a_page_token_that_nobody_made_is_refused(token: str, ann: Caller) -> None:
    with pytest.raises(InvalidPageToken):
        TOKENS.last_id(REQUEST, token, ann)
    with pytest.raises(InvalidPageToken):
        TOKENS.last_id(REQUEST, PageTokens(b"o" * 32).next_token(REQUEST, ann, "last"), ann)
