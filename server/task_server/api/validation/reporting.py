"""BatchReportExecutions and UpdateExecutionStatus."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from task_manager.v1 import execution_service_pb2
from task_server.api.validation import listing
from task_server.api.validation.registration import check_metadata, check_registration, validate_each
from task_server.api.validation.schedule import read_time
from task_server.api.validation.violations import Violations
from task_server.api.values import from_value
from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.observation import Observation, Source
from task_server.domain.owner import Caller
from task_server.domain.report import Report
from task_server.domain.status import ExecutionStatus, FailureReason

_MAX_NAME = 200


def validate_reports(request: execution_service_pb2.BatchReportExecutionsRequest, caller: Caller) -> list[Report]:
    """The reports in a request. Raises InvalidFields with all that is wrong in any of them."""
    return validate_each("reports", request.reports, lambda each, found: _report(each, caller, found))


def validate_update(request: execution_service_pb2.UpdateExecutionStatusRequest) -> Observation:
    """What a request says of its run. Raises InvalidFields with all that is wrong."""
    violations = Violations()
    if not request.id:
        violations.add("id", "is required")
    status = listing.check_execution_status(request.status, violations)
    if not request.status:
        violations.add("status", f"is required; it must be one of {', '.join(ExecutionStatus)}")
    result, metadata = _result(request, violations), check_metadata(request, violations)
    violations.raise_any()
    return Observation(
        status=status or ExecutionStatus.PENDING,
        source=Source.REPORT,
        result_json=result,
        error=request.error,
        traceback=request.traceback,
        failure_reason=_reason(status, request.traceback),
        metadata=metadata,
    )


def _report(report: execution_service_pb2.ExecutionReport, caller: Caller, violations: Violations) -> Report:
    said = check_registration(report.run, caller, violations.within("run"), required=("task_id",))
    status = listing.check_execution_status(report.status, violations) or ExecutionStatus.PENDING
    for field in ("worker", "queue"):
        violations.check_length(field, getattr(report, field), _MAX_NAME)
    if report.retries < 0:
        violations.add("retries", "must not be negative")
    has_time = report.HasField("occurred_at")
    observation = Observation(
        status=status,
        source=Source.PUBLISH if status is ExecutionStatus.PENDING else Source.REPORT,
        occurred_at=read_time("occurred_at", report.occurred_at, violations) if has_time else None,
        retries=report.retries,
        result_json=_result(report, violations),
        error=report.error,
        traceback=report.traceback,
        failure_reason=_reason(status, report.traceback),
        worker=report.worker,
        queue=report.queue,
        metadata=said.metadata,
    )
    is_whole = said.task_name.strip() and said.module.strip()
    return Report(
        task_id=said.task_id,
        owner=said.owner,
        is_named=bool(report.run.created_by),
        observation=observation,
        # How it began is what was seen first.
        registration=replace(said, status=ExecutionStatus.PENDING) if is_whole else None,
    )


def _result(request: Any, violations: Violations) -> str | None:
    if not request.HasField("result"):
        return None
    try:
        value = from_value(request.result)
    except ValueError as error:
        violations.add("result", str(error))
        return None
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > MAX_RESULT_BYTES:
        violations.add("result", f"must be at most {MAX_RESULT_BYTES:,} bytes as JSON, not {size:,}")
    return text


def _reason(status: ExecutionStatus | None, traceback: str) -> FailureReason | None:
    """Who tells of a stack tells that the task raised; of any other failure the reason is not known."""
    has_failed = status in (ExecutionStatus.FAILURE, ExecutionStatus.RETRY)
    return FailureReason.EXCEPTION if has_failed and traceback else None
