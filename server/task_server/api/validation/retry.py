"""How often a task is tried: the `retry_policy` of a Task."""

from __future__ import annotations

from task_manager.v1 import execution_pb2, task_pb2
from task_server.api.validation.violations import Violations
from task_server.domain.retry import NEVER_RETRIED, RetryPolicy
from task_server.domain.status import FailureReason

_MAX_RETRIES = 100
_MAX_BACKOFF = 86_400.0
_MAX_MULTIPLIER = 1_000.0
_MAX_STATUSES = 100
_REASONS = tuple(reason for reason in FailureReason if reason not in NEVER_RETRIED)


def validate_retry_policy(task: task_pb2.Task, path: str, violations: Violations) -> RetryPolicy | None:
    """The retry policy of a task, its defaults filled in; None where there is none, or something is wrong with it."""
    if not task.HasField("retry_policy"):
        return None
    given, path = task.retry_policy, f"{path}.retry_policy"
    fine = violations.check_number(f"{path}.max_retries", given.max_retries, 0, _MAX_RETRIES)
    fine &= violations.check_number(f"{path}.initial_backoff", given.initial_backoff, 0, _MAX_BACKOFF)
    fine &= _check_multiplier(given.backoff_multiplier, path, violations)
    fine &= violations.check_number(f"{path}.max_backoff", given.max_backoff, 0, _MAX_BACKOFF)
    fine &= violations.check_number(f"{path}.jitter", given.jitter, 0, 1)
    reasons = _reasons(given, path, violations)
    fine &= _check_statuses(task, reasons, path, violations)
    if not fine or reasons is None:
        return None
    defaults = RetryPolicy(max_retries=given.max_retries)
    return RetryPolicy(
        max_retries=given.max_retries,
        initial_backoff=given.initial_backoff or defaults.initial_backoff,
        backoff_multiplier=given.backoff_multiplier or defaults.backoff_multiplier,
        max_backoff=given.max_backoff or defaults.max_backoff,
        jitter=given.jitter,
        retry_statuses=tuple(given.retry_statuses),
        retry_reasons=reasons,
    )


def _check_multiplier(value: float, path: str, violations: Violations) -> bool:
    if value == 0:
        return True
    return violations.check_number(f"{path}.backoff_multiplier", value, 1, _MAX_MULTIPLIER)


def _check_statuses(
    task: task_pb2.Task, reasons: tuple[FailureReason, ...] | None, path: str, violations: Violations
) -> bool:
    statuses = task.retry_policy.retry_statuses
    if not statuses:
        return True
    field = f"{path}.retry_statuses"
    wrong = []
    if task.WhichOneof("action") == "function_code":
        wrong.append((field, "belongs to api_url; leave it out with function_code"))
    if len(statuses) > _MAX_STATUSES:
        wrong.append((field, f"must have at most {_MAX_STATUSES}, not {len(statuses):,}"))
    if reasons and FailureReason.UNEXPECTED_STATUS not in reasons:
        wrong.append((field, "needs UNEXPECTED_STATUS among retry_reasons, which leaves it out"))
    wrong += [
        (f"{field}[{index}]", f"must be from 100 to 599, not {status}")
        for index, status in enumerate(statuses[:_MAX_STATUSES])
        if not 100 <= status <= 599
    ]
    for where, description in wrong:
        violations.add(where, description)
    return not wrong


def _reasons(given: task_pb2.RetryPolicy, path: str, violations: Violations) -> tuple[FailureReason, ...] | None:
    """The reasons; None where something is wrong with them."""
    field = f"{path}.retry_reasons"
    if len(given.retry_reasons) > len(_REASONS):
        violations.add(field, f"must have at most {len(_REASONS)}, not {len(given.retry_reasons):,}")
        return None
    names = {number: name for name, number in execution_pb2.TaskExecution.FailureReason.items()}
    reasons = []
    for index, number in enumerate(given.retry_reasons):
        name = names.get(number, str(number))
        if name in _REASONS:
            reasons.append(FailureReason(name))
        else:
            violations.add(f"{field}[{index}]", f"must be one of {', '.join(_REASONS)}, not {name}")
    return tuple(reasons) if len(reasons) == len(given.retry_reasons) else None
