"""What callers tell of runs of other Celery apps: permission, validation, use case and answer, in a thread.

A request may tell of a thousand runs, and to read it would keep the event loop from others.
"""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask

from task_manager.v1 import execution_pb2, execution_service_pb2
from task_server.api import convert
from task_server.api.validation.registration import validate_registration, validate_registrations
from task_server.api.validation.reporting import validate_reports, validate_update
from task_server.api.validation.violations import Violations
from task_server.domain.owner import Caller
from task_server.usecases.executions import ExecutionView
from task_server.usecases.observing import Observing
from task_server.usecases.registering import Registering, require_owner

#: How a run stands, and whose it is.
_STANDING = FieldMask(
    paths=[
        *("id", "task_id", "status", "created_at", "started_at", "finished_at", "duration", "source", "observed_at"),
        *("retries", "created_by", "created_by_id", "created_by_username"),
    ]
)
#: What a caller says of a run, as it is told back.
_SAID = ("task_name", "module", "metadata", "error")


class TrackedRuns:
    """The RPCs by which runs are registered and reported."""

    def __init__(self, registering: Registering, observing: Observing) -> None:
        self._registering = registering
        self._observing = observing

    def register(
        self, caller: Caller, request: execution_service_pb2.RegisterExecutionRequest
    ) -> execution_pb2.TaskExecution:
        """Record a run. Raises PermissionMissing before anything else."""
        require_owner(caller, request.created_by)
        view = self._registering.register(caller, validate_registration(request, caller, Violations()))
        return _told(caller, view, request)

    def register_many(
        self, caller: Caller, request: execution_service_pb2.BatchRegisterExecutionsRequest
    ) -> execution_service_pb2.BatchRegisterExecutionsResponse:
        """Record runs. Raises PermissionMissing before anything else."""
        for created_by in {each.created_by for each in request.requests}:
            require_owner(caller, created_by)
        recorded = self._registering.register_many(caller, validate_registrations(request, caller))
        return execution_service_pb2.BatchRegisterExecutionsResponse(
            executions=[
                _told(caller, ExecutionView(execution=execution, detail=None), said)
                for execution, said in zip(recorded, request.requests, strict=True)
            ]
        )

    def report(
        self, caller: Caller, request: execution_service_pb2.BatchReportExecutionsRequest
    ) -> execution_service_pb2.BatchReportExecutionsResponse:
        """Record and move runs. Raises PermissionMissing before anything else."""
        for created_by in {each.run.created_by for each in request.reports}:
            require_owner(caller, created_by)
        reported = self._observing.report(caller, validate_reports(request, caller))
        return execution_service_pb2.BatchReportExecutionsResponse(**reported._asdict())

    def update(
        self, caller: Caller, request: execution_service_pb2.UpdateExecutionStatusRequest
    ) -> execution_pb2.TaskExecution:
        """Move one run."""
        view = self._observing.update(caller, request.id, validate_update(request))
        return _told(caller, view, request)


def _told(
    caller: Caller,
    view: ExecutionView,
    said: execution_service_pb2.RegisterExecutionRequest | execution_service_pb2.UpdateExecutionStatusRequest,
) -> execution_pb2.TaskExecution:
    """A run as its caller may know it: where it is not theirs to see, whose it is, how it stands, and what they said themselves."""
    whole = convert.execution(view.execution, view.detail)
    if caller.may_see(view.execution.owner.id):
        return whole
    told = execution_pb2.TaskExecution()
    _STANDING.MergeMessage(whole, told)
    for name in _SAID:
        if name in said.DESCRIPTOR.fields_by_name:
            told.MergeFrom(execution_pb2.TaskExecution(**{name: getattr(said, name)}))
    return told
