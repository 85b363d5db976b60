import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class User(_message.Message):
    __slots__ = ("id", "username")
    ID_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    username: str
    def __init__(self, id: _Optional[str] = ..., username: _Optional[str] = ...) -> None: ...

class TaskExecution(_message.Message):
    __slots__ = ("id", "task_id", "parent_task", "task_name", "module", "status", "created_at", "started_at", "finished_at", "task_args", "task_kwargs", "result", "error", "traceback", "created_by", "created_by_id", "created_by_username", "metadata", "scheduled_for", "attempts", "duration", "worker", "queue", "isolation", "usage", "source", "observed_at", "log_bytes", "failure_reason", "due_at", "rerun_of", "deadline_at", "omission", "app", "retries")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[TaskExecution.Status]
        PENDING: _ClassVar[TaskExecution.Status]
        STARTED: _ClassVar[TaskExecution.Status]
        SUCCESS: _ClassVar[TaskExecution.Status]
        FAILURE: _ClassVar[TaskExecution.Status]
        RETRY: _ClassVar[TaskExecution.Status]
        REVOKED: _ClassVar[TaskExecution.Status]
    STATUS_UNSPECIFIED: TaskExecution.Status
    PENDING: TaskExecution.Status
    STARTED: TaskExecution.Status
    SUCCESS: TaskExecution.Status
    FAILURE: TaskExecution.Status
    RETRY: TaskExecution.Status
    REVOKED: TaskExecution.Status
    class FailureReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FAILURE_REASON_UNSPECIFIED: _ClassVar[TaskExecution.FailureReason]
        EXCEPTION: _ClassVar[TaskExecution.FailureReason]
        TIMEOUT: _ClassVar[TaskExecution.FailureReason]
        MEMORY_LIMIT: _ClassVar[TaskExecution.FailureReason]
        CPU_LIMIT: _ClassVar[TaskExecution.FailureReason]
        OUTPUT_LIMIT: _ClassVar[TaskExecution.FailureReason]
        RESULT_TOO_LARGE: _ClassVar[TaskExecution.FailureReason]
        RESULT_NOT_JSON: _ClassVar[TaskExecution.FailureReason]
        CRASHED: _ClassVar[TaskExecution.FailureReason]
        CODE_REFUSED: _ClassVar[TaskExecution.FailureReason]
        UNEXPECTED_STATUS: _ClassVar[TaskExecution.FailureReason]
        REQUEST_FAILED: _ClassVar[TaskExecution.FailureReason]
        EGRESS_DENIED: _ClassVar[TaskExecution.FailureReason]
        WORKER_LOST: _ClassVar[TaskExecution.FailureReason]
        SANDBOX_UNAVAILABLE: _ClassVar[TaskExecution.FailureReason]
        DEADLINE_EXCEEDED: _ClassVar[TaskExecution.FailureReason]
        ASSERTION_FAILED: _ClassVar[TaskExecution.FailureReason]
        SECRET_UNAVAILABLE: _ClassVar[TaskExecution.FailureReason]
        OUTCOME_UNKNOWN: _ClassVar[TaskExecution.FailureReason]
    FAILURE_REASON_UNSPECIFIED: TaskExecution.FailureReason
    EXCEPTION: TaskExecution.FailureReason
    TIMEOUT: TaskExecution.FailureReason
    MEMORY_LIMIT: TaskExecution.FailureReason
    CPU_LIMIT: TaskExecution.FailureReason
    OUTPUT_LIMIT: TaskExecution.FailureReason
    RESULT_TOO_LARGE: TaskExecution.FailureReason
    RESULT_NOT_JSON: TaskExecution.FailureReason
    CRASHED: TaskExecution.FailureReason
    CODE_REFUSED: TaskExecution.FailureReason
    UNEXPECTED_STATUS: TaskExecution.FailureReason
    REQUEST_FAILED: TaskExecution.FailureReason
    EGRESS_DENIED: TaskExecution.FailureReason
    WORKER_LOST: TaskExecution.FailureReason
    SANDBOX_UNAVAILABLE: TaskExecution.FailureReason
    DEADLINE_EXCEEDED: TaskExecution.FailureReason
    ASSERTION_FAILED: TaskExecution.FailureReason
    SECRET_UNAVAILABLE: TaskExecution.FailureReason
    OUTCOME_UNKNOWN: TaskExecution.FailureReason
    class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SOURCE_UNSPECIFIED: _ClassVar[TaskExecution.Source]
        RESULT_BACKEND: _ClassVar[TaskExecution.Source]
        EVENT: _ClassVar[TaskExecution.Source]
        PUBLISH: _ClassVar[TaskExecution.Source]
        WORKER: _ClassVar[TaskExecution.Source]
        REPORT: _ClassVar[TaskExecution.Source]
        ABSENCE: _ClassVar[TaskExecution.Source]
    SOURCE_UNSPECIFIED: TaskExecution.Source
    RESULT_BACKEND: TaskExecution.Source
    EVENT: TaskExecution.Source
    PUBLISH: TaskExecution.Source
    WORKER: TaskExecution.Source
    REPORT: TaskExecution.Source
    ABSENCE: TaskExecution.Source
    class Attempt(_message.Message):
        __slots__ = ("number", "started_at", "finished_at", "worker", "outcome", "error", "failure_reason", "log_offset", "log_bytes")
        class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            OUTCOME_UNSPECIFIED: _ClassVar[TaskExecution.Attempt.Outcome]
            SUCCEEDED: _ClassVar[TaskExecution.Attempt.Outcome]
            FAILED: _ClassVar[TaskExecution.Attempt.Outcome]
            STOPPED: _ClassVar[TaskExecution.Attempt.Outcome]
            LOST: _ClassVar[TaskExecution.Attempt.Outcome]
            RELEASED: _ClassVar[TaskExecution.Attempt.Outcome]
        OUTCOME_UNSPECIFIED: TaskExecution.Attempt.Outcome
        SUCCEEDED: TaskExecution.Attempt.Outcome
        FAILED: TaskExecution.Attempt.Outcome
        STOPPED: TaskExecution.Attempt.Outcome
        LOST: TaskExecution.Attempt.Outcome
        RELEASED: TaskExecution.Attempt.Outcome
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        STARTED_AT_FIELD_NUMBER: _ClassVar[int]
        FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
        WORKER_FIELD_NUMBER: _ClassVar[int]
        OUTCOME_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
        LOG_OFFSET_FIELD_NUMBER: _ClassVar[int]
        LOG_BYTES_FIELD_NUMBER: _ClassVar[int]
        number: int
        started_at: _timestamp_pb2.Timestamp
        finished_at: _timestamp_pb2.Timestamp
        worker: str
        outcome: TaskExecution.Attempt.Outcome
        error: str
        failure_reason: TaskExecution.FailureReason
        log_offset: int
        log_bytes: int
        def __init__(self, number: _Optional[int] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., worker: _Optional[str] = ..., outcome: _Optional[_Union[TaskExecution.Attempt.Outcome, str]] = ..., error: _Optional[str] = ..., failure_reason: _Optional[_Union[TaskExecution.FailureReason, str]] = ..., log_offset: _Optional[int] = ..., log_bytes: _Optional[int] = ...) -> None: ...
    class Isolation(_message.Message):
        __slots__ = ("level", "layers", "limits")
        class Limits(_message.Message):
            __slots__ = ("wall_seconds", "cpu_seconds", "memory_bytes", "output_bytes", "result_bytes", "open_files")
            WALL_SECONDS_FIELD_NUMBER: _ClassVar[int]
            CPU_SECONDS_FIELD_NUMBER: _ClassVar[int]
            MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
            OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
            RESULT_BYTES_FIELD_NUMBER: _ClassVar[int]
            OPEN_FILES_FIELD_NUMBER: _ClassVar[int]
            wall_seconds: float
            cpu_seconds: float
            memory_bytes: int
            output_bytes: int
            result_bytes: int
            open_files: int
            def __init__(self, wall_seconds: _Optional[float] = ..., cpu_seconds: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., output_bytes: _Optional[int] = ..., result_bytes: _Optional[int] = ..., open_files: _Optional[int] = ...) -> None: ...
        LEVEL_FIELD_NUMBER: _ClassVar[int]
        LAYERS_FIELD_NUMBER: _ClassVar[int]
        LIMITS_FIELD_NUMBER: _ClassVar[int]
        level: str
        layers: _containers.RepeatedScalarFieldContainer[str]
        limits: TaskExecution.Isolation.Limits
        def __init__(self, level: _Optional[str] = ..., layers: _Optional[_Iterable[str]] = ..., limits: _Optional[_Union[TaskExecution.Isolation.Limits, _Mapping]] = ...) -> None: ...
    class Usage(_message.Message):
        __slots__ = ("cpu_seconds", "peak_memory_bytes", "exit_signal")
        CPU_SECONDS_FIELD_NUMBER: _ClassVar[int]
        PEAK_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
        EXIT_SIGNAL_FIELD_NUMBER: _ClassVar[int]
        cpu_seconds: float
        peak_memory_bytes: int
        exit_signal: int
        def __init__(self, cpu_seconds: _Optional[float] = ..., peak_memory_bytes: _Optional[int] = ..., exit_signal: _Optional[int] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    TASK_ARGS_FIELD_NUMBER: _ClassVar[int]
    TASK_KWARGS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_USERNAME_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_FOR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    LOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    RERUN_OF_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    OMISSION_FIELD_NUMBER: _ClassVar[int]
    APP_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    task_id: str
    parent_task: str
    task_name: str
    module: str
    status: TaskExecution.Status
    created_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    task_args: _struct_pb2.ListValue
    task_kwargs: _struct_pb2.Struct
    result: _struct_pb2.Value
    error: str
    traceback: str
    created_by: User
    created_by_id: str
    created_by_username: str
    metadata: _struct_pb2.Struct
    scheduled_for: _timestamp_pb2.Timestamp
    attempts: _containers.RepeatedCompositeFieldContainer[TaskExecution.Attempt]
    duration: float
    worker: str
    queue: str
    isolation: TaskExecution.Isolation
    usage: TaskExecution.Usage
    source: TaskExecution.Source
    observed_at: _timestamp_pb2.Timestamp
    log_bytes: int
    failure_reason: TaskExecution.FailureReason
    due_at: _timestamp_pb2.Timestamp
    rerun_of: str
    deadline_at: _timestamp_pb2.Timestamp
    omission: str
    app: str
    retries: int
    def __init__(self, id: _Optional[str] = ..., task_id: _Optional[str] = ..., parent_task: _Optional[str] = ..., task_name: _Optional[str] = ..., module: _Optional[str] = ..., status: _Optional[_Union[TaskExecution.Status, str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., task_args: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., task_kwargs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., result: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., error: _Optional[str] = ..., traceback: _Optional[str] = ..., created_by: _Optional[_Union[User, _Mapping]] = ..., created_by_id: _Optional[str] = ..., created_by_username: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., scheduled_for: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[TaskExecution.Attempt, _Mapping]]] = ..., duration: _Optional[float] = ..., worker: _Optional[str] = ..., queue: _Optional[str] = ..., isolation: _Optional[_Union[TaskExecution.Isolation, _Mapping]] = ..., usage: _Optional[_Union[TaskExecution.Usage, _Mapping]] = ..., source: _Optional[_Union[TaskExecution.Source, str]] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., log_bytes: _Optional[int] = ..., failure_reason: _Optional[_Union[TaskExecution.FailureReason, str]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rerun_of: _Optional[str] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., omission: _Optional[str] = ..., app: _Optional[str] = ..., retries: _Optional[int] = ...) -> None: ...
