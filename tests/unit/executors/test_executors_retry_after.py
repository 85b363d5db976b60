"""Retry-After (RFC 9110, 10.2.3): what is read of it, what is ignored, and that a child's word is not trusted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from task_server.domain.retry import MAX_RETRY_AFTER
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.retry_after import answer_of, retry_after

#: RFC 9110, 5.6.7 has these three of one instant.
NOW = datetime(1994, 11, 6, 8, 49, 0, tzinfo=UTC)
DATES = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("007", 7),
        ("86400", 86_400),
        ("86401", MAX_RETRY_AFTER),
        ("9" * 64, MAX_RETRY_AFTER),
        *((date, 37) for date in DATES),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
    ],
)
def test_seconds_and_dates_are_read(said: str, seconds: float) -> None:
    assert retry_after({"Retry-After": said}, NOW) == seconds
    assert retry_after({"retry-AFTER": said}, NOW) == seconds


@pytest.mark.parametrize(
    "said",
    [
        "", "-1", "+1", "1.5", "1e3", "soon", "١٢", "1, 2", "inf", "nan", "0x10", "9" * 65, None, 5, True, ["5"],
        "Sun, 06 Nov 1994 08:48:59 GMT", "Sun, 06 Nov 1994 08:49:37 +0100", "Sun, 31 Feb 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
    ],
)  # fmt: skip
def test_garbage_and_the_past_are_ignored(said: Any) -> None:
    assert retry_after({"Retry-After": said}, NOW) is None


def test_a_date_counts_from_the_answers_own_clock() -> None:
    headers = {"retry-after": DATES[0], "Date": "Sun, 06 Nov 1994 08:49:30 GMT"}
    assert retry_after(headers, datetime(2030, 1, 1, tzinfo=UTC)) == 7
    assert retry_after(headers | {"Date": "yesterday"}, NOW) == 37


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ({"status": 503, "headers": {"Retry-After": "3"}}, (503, 3)),
        ({"status": 503, "headers": {}}, (503, None)),
        ({"status": 503}, (503, None)),
        ({"status": 503, "headers": [["Retry-After", "3"]]}, (503, None)),
        ({"status": "503", "headers": {"Retry-After": "3"}}, (None, 3)),
        ({"status": True}, (None, None)),
        ({"status": 503.0}, (None, None)),
        ({"status": 99}, (None, None)),
        ({"status": 600}, (None, None)),
        ([503], (None, None)),
        (None, (None, None)),
    ],
)
def test_of_a_result_only_what_can_be_is_believed(result: Any, found: tuple[int | None, float | None]) -> None:
    assert answer_of(json.dumps(result), NOW) == found


def test_no_result_says_nothing() -> None:
    assert answer_of(None, NOW) == (None, None)


def test_a_real_answer_says_when_to_try_again(call: Any) -> None:
    outcome = call("/unavailable/3")
    assert (outcome.status, outcome.failure_reason) == (ExecutionStatus.FAILURE, FailureReason.UNEXPECTED_STATUS)
    assert (outcome.http_status, outcome.retry_after) == (503, 3)


def test_an_answer_that_was_expected_does_not(call: Any) -> None:
    outcome = call("/unavailable/3", expected_status=(503,))
    assert outcome.status is ExecutionStatus.SUCCESS
    assert (outcome.http_status, outcome.retry_after) == (None, None)
