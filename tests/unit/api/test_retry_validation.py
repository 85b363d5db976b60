"""`retry_policy` and `deadline_seconds` of a Task: bounds, defaults, and the way back to the caller."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import json_format

from task_manager.v1 import task_pb2
from task_server.api import convert
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidFields
from task_server.domain.owner import Owner
from task_server.domain.retry import NEVER_RETRIED, RetryPolicy
from task_server.domain.status import FailureReason
from task_server.domain.task import TaskDefinition
from task_server.usecases.tasks import new_task

NOW = 1_767_225_600_000_000
CODE = {"name": "t", "function_code": "def f():\n    return 1", "function_name": "f"}
HTTP = {"name": "t", "api_url": "https://example.com/x"}


def validate(task: dict[str, Any]) -> TaskDefinition:
    message = json_format.ParseDict(task, task_pb2.Task())
    return TaskValidator(lambda *_code: (), lambda _patterns: (), 300.0, 3600.0).validate(message, NOW, Violations())


def violations(task: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        validate(task)
    return {violation.field: violation.description for violation in caught.value.violations}


@pytest.mark.parametrize(
    ("policy", "field", "said"),
    [
        ({"max_retries": -1}, "max_retries", "from 0 to 100, not -1"),
        ({"max_retries": 101}, "max_retries", "from 0 to 100, not 101"),
        ({"initial_backoff": -0.1}, "initial_backoff", "from 0 to 86,400"),
        ({"initial_backoff": 86_401}, "initial_backoff", "not 86,401"),
        ({"initial_backoff": "NaN"}, "initial_backoff", "not nan"),
        ({"backoff_multiplier": 0.5}, "backoff_multiplier", "from 1 to 1,000, not 0.5"),
        ({"backoff_multiplier": 1001}, "backoff_multiplier", "not 1,001"),
        ({"backoff_multiplier": "NaN"}, "backoff_multiplier", "not nan"),
        ({"backoff_multiplier": -2}, "backoff_multiplier", "not -2"),
        ({"max_backoff": -1}, "max_backoff", "not -1"),
        ({"max_backoff": "Infinity"}, "max_backoff", "not inf"),
        ({"jitter": 1.1}, "jitter", "from 0 to 1, not 1.1"),
        ({"jitter": "NaN"}, "jitter", "not nan"),
        ({"retry_statuses": [503, 99]}, "retry_statuses[1]", "from 100 to 599, not 99"),
        ({"retry_statuses": [600]}, "retry_statuses[0]", "not 600"),
        ({"retry_statuses": [503] * 101}, "retry_statuses", "at most 100, not 101"),
        ({"retry_statuses": [503], "retry_reasons": ["TIMEOUT"]}, "retry_statuses", "needs UNEXPECTED_STATUS"),
        ({"retry_reasons": ["FAILURE_REASON_UNSPECIFIED"]}, "retry_reasons[0]", "not FAILURE_REASON_UNSPECIFIED"),
        ({"retry_reasons": ["TIMEOUT", 77]}, "retry_reasons[1]", "not 77"),
        ({"retry_reasons": ["TIMEOUT"] * 12}, "retry_reasons", "at most 11, not 12"),
        *(({"retry_reasons": [reason.value]}, "retry_reasons[0]", f"not {reason}") for reason in sorted(NEVER_RETRIED)),
    ],
)
def test_a_bound_that_is_broken_is_told_once_with_its_field(policy: dict[str, Any], field: str, said: str) -> None:
    ((found, description),) = violations(HTTP | {"retry_policy": policy}).items()
    assert found == f"task.retry_policy.{field}"
    assert said in description


def test_statuses_are_for_api_tasks() -> None:
    assert violations(CODE | {"retry_policy": {"retry_statuses": [503]}}) == {
        "task.retry_policy.retry_statuses": "belongs to api_url; leave it out with function_code"
    }


def test_all_that_is_wrong_is_told_at_once() -> None:
    policy = {"max_retries": 999, "initial_backoff": -1, "backoff_multiplier": 0.1, "max_backoff": -1, "jitter": 2,
              "retry_statuses": [1, 2], "retry_reasons": ["WORKER_LOST"]}  # fmt: skip
    found = violations(CODE | {"retry_policy": policy, "deadline_seconds": -1, "name": ""})
    assert {field.removeprefix("task.").removeprefix("retry_policy.") for field in found} == {
        "max_retries", "initial_backoff", "backoff_multiplier", "max_backoff", "jitter", "retry_statuses", "retry_statuses[0]",
        "retry_statuses[1]", "retry_reasons[0]", "deadline_seconds", "name",
    }  # fmt: skip


@pytest.mark.parametrize(
    "policy",
    [
        {"max_retries": 100, "initial_backoff": 86_400, "backoff_multiplier": 1000, "max_backoff": 86_400, "jitter": 1},
        {"max_retries": 1, "initial_backoff": 1e-9, "backoff_multiplier": 1, "max_backoff": 1e-9},
        {"max_retries": 3, "retry_statuses": [100, 599], "retry_reasons": ["UNEXPECTED_STATUS", "MEMORY_LIMIT"]},
    ],
)
def test_what_is_given_is_stored_and_shown_as_it_is(policy: dict[str, Any]) -> None:
    definition = validate(HTTP | {"retry_policy": policy, "deadline_seconds": 1.5})
    assert definition.retry_policy is not None
    shown = convert.task(new_task(Owner("ann", "Ann"), definition, NOW), None, None, full=False)
    given = json_format.ParseDict({"retry_policy": policy}, task_pb2.Task()).retry_policy
    for field, value in given.ListFields():
        assert getattr(shown.retry_policy, field.name) == value
    assert shown.deadline_seconds == 1.5


def test_zeros_become_the_defaults_and_lists_stay_empty() -> None:
    definition = validate(CODE | {"retry_policy": {}})
    assert definition.retry_policy == RetryPolicy(
        max_retries=0, initial_backoff=1.0, backoff_multiplier=2.0, max_backoff=600.0, jitter=0.0
    )
    shown = convert.task(new_task(Owner("ann", "Ann"), definition, NOW), None, None, full=True).retry_policy
    assert (shown.initial_backoff, shown.backoff_multiplier, shown.max_backoff) == (1.0, 2.0, 600.0)
    assert not shown.retry_statuses
    assert not shown.retry_reasons


def test_without_a_policy_there_is_none() -> None:
    definition = validate(CODE)
    assert definition.retry_policy is None
    assert definition.deadline_at(NOW) is None
    message = convert.task(new_task(Owner("ann", "Ann"), definition, NOW), None, None, full=True)
    assert not message.HasField("retry_policy")
    assert math.isclose(message.deadline_seconds, 0)


def test_reasons_are_those_of_the_contract() -> None:
    chosen = [reason.value for reason in FailureReason if reason not in NEVER_RETRIED]
    definition = validate(HTTP | {"retry_policy": {"retry_reasons": chosen}})
    assert definition.retry_policy is not None
    assert [reason.value for reason in definition.retry_policy.retry_reasons] == chosen
