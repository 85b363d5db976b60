import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from task_manager.v1 import execution_pb2 as _execution_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class View(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VIEW_UNSPECIFIED: _ClassVar[View]
    BASIC: _ClassVar[View]
    FULL: _ClassVar[View]
VIEW_UNSPECIFIED: View
BASIC: View
FULL: View

class RetryPolicy(_message.Message):
    __slots__ = ("max_retries", "initial_backoff", "backoff_multiplier", "max_backoff", "jitter", "retry_statuses", "retry_reasons")
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    INITIAL_BACKOFF_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    MAX_BACKOFF_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    RETRY_STATUSES_FIELD_NUMBER: _ClassVar[int]
    RETRY_REASONS_FIELD_NUMBER: _ClassVar[int]
    max_retries: int
    initial_backoff: float
    backoff_multiplier: float
    max_backoff: float
    jitter: float
    retry_statuses: _containers.RepeatedScalarFieldContainer[int]
    retry_reasons: _containers.RepeatedScalarFieldContainer[_execution_pb2.TaskExecution.FailureReason]
    def __init__(self, max_retries: _Optional[int] = ..., initial_backoff: _Optional[float] = ..., backoff_multiplier: _Optional[float] = ..., max_backoff: _Optional[float] = ..., jitter: _Optional[float] = ..., retry_statuses: _Optional[_Iterable[int]] = ..., retry_reasons: _Optional[_Iterable[_Union[_execution_pb2.TaskExecution.FailureReason, str]]] = ...) -> None: ...

class StartRate(_message.Message):
    __slots__ = ("count", "seconds")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    count: int
    seconds: float
    def __init__(self, count: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class FireTime(_message.Message):
    __slots__ = ("time", "local_time", "note")
    TIME_FIELD_NUMBER: _ClassVar[int]
    LOCAL_TIME_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    local_time: str
    note: str
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., local_time: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class ResponseAssertion(_message.Message):
    __slots__ = ("header", "json_path", "equals", "contains", "matches", "exists")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    JSON_PATH_FIELD_NUMBER: _ClassVar[int]
    EQUALS_FIELD_NUMBER: _ClassVar[int]
    CONTAINS_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    header: str
    json_path: str
    equals: _struct_pb2.Value
    contains: str
    matches: str
    exists: bool
    def __init__(self, header: _Optional[str] = ..., json_path: _Optional[str] = ..., equals: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., contains: _Optional[str] = ..., matches: _Optional[str] = ..., exists: _Optional[bool] = ...) -> None: ...

class CeleryTask(_message.Message):
    __slots__ = ("app", "task_name")
    APP_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    app: str
    task_name: str
    def __init__(self, app: _Optional[str] = ..., task_name: _Optional[str] = ...) -> None: ...

class SealedValue(_message.Message):
    __slots__ = ("name", "kind", "fingerprint")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[SealedValue.Kind]
        HEADER: _ClassVar[SealedValue.Kind]
        VALUE: _ClassVar[SealedValue.Kind]
    KIND_UNSPECIFIED: SealedValue.Kind
    HEADER: SealedValue.Kind
    VALUE: SealedValue.Kind
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: SealedValue.Kind
    fingerprint: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[SealedValue.Kind, str]] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("task_id", "name", "task_type", "function_code", "api_url", "celery_task", "function_name", "task_args", "task_kwargs", "method", "headers", "params", "data", "raw_body", "expected_status", "delay_seconds", "run_at", "cron_expression", "time_zone", "start_at", "end_at", "max_runs", "misfire_policy", "overlap_policy", "jitter_seconds", "timeout", "retry_policy", "queue", "priority", "module", "metadata", "status", "next_run_at", "last_execution", "run_count", "created_at", "updated_at", "created_by", "etag", "watch_token", "upcoming_run_times", "misfire_window_seconds", "deadline_seconds", "fired_count", "missed_count", "skipped_count", "upcoming_fire_times", "schedule_description", "response_assertions", "paused_at", "waiting", "secret_headers", "secrets", "sealed_values", "concurrency_key", "max_concurrent", "start_rate")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[Task.Status]
        PENDING: _ClassVar[Task.Status]
        STARTED: _ClassVar[Task.Status]
        SUCCESS: _ClassVar[Task.Status]
        FAILURE: _ClassVar[Task.Status]
        RETRY: _ClassVar[Task.Status]
        REVOKED: _ClassVar[Task.Status]
        SCHEDULED: _ClassVar[Task.Status]
        PAUSED: _ClassVar[Task.Status]
    STATUS_UNSPECIFIED: Task.Status
    PENDING: Task.Status
    STARTED: Task.Status
    SUCCESS: Task.Status
    FAILURE: Task.Status
    RETRY: Task.Status
    REVOKED: Task.Status
    SCHEDULED: Task.Status
    PAUSED: Task.Status
    class MisfirePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MISFIRE_POLICY_UNSPECIFIED: _ClassVar[Task.MisfirePolicy]
        SKIP: _ClassVar[Task.MisfirePolicy]
        FIRE_ONCE: _ClassVar[Task.MisfirePolicy]
        FIRE_ALL: _ClassVar[Task.MisfirePolicy]
    MISFIRE_POLICY_UNSPECIFIED: Task.MisfirePolicy
    SKIP: Task.MisfirePolicy
    FIRE_ONCE: Task.MisfirePolicy
    FIRE_ALL: Task.MisfirePolicy
    class OverlapPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OVERLAP_POLICY_UNSPECIFIED: _ClassVar[Task.OverlapPolicy]
        ALLOW: _ClassVar[Task.OverlapPolicy]
        SKIP_NEW: _ClassVar[Task.OverlapPolicy]
        QUEUE_ONE: _ClassVar[Task.OverlapPolicy]
        CANCEL_RUNNING: _ClassVar[Task.OverlapPolicy]
    OVERLAP_POLICY_UNSPECIFIED: Task.OverlapPolicy
    ALLOW: Task.OverlapPolicy
    SKIP_NEW: Task.OverlapPolicy
    QUEUE_ONE: Task.OverlapPolicy
    CANCEL_RUNNING: Task.OverlapPolicy
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SecretHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CODE_FIELD_NUMBER: _ClassVar[int]
    API_URL_FIELD_NUMBER: _ClassVar[int]
    CELERY_TASK_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_ARGS_FIELD_NUMBER: _ClassVar[int]
    TASK_KWARGS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    RAW_BODY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_STATUS_FIELD_NUMBER: _ClassVar[int]
    DELAY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RUN_AT_FIELD_NUMBER: _ClassVar[int]
    CRON_EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNS_FIELD_NUMBER: _ClassVar[int]
    MISFIRE_POLICY_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_POLICY_FIELD_NUMBER: _ClassVar[int]
    JITTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NEXT_RUN_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_EXECUTION_FIELD_NUMBER: _ClassVar[int]
    RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WATCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UPCOMING_RUN_TIMES_FIELD_NUMBER: _ClassVar[int]
    MISFIRE_WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FIRED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_COUNT_FIELD_NUMBER: _ClassVar[int]
    UPCOMING_FIRE_TIMES_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ASSERTIONS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_AT_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    SECRET_HEADERS_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    SEALED_VALUES_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENT_FIELD_NUMBER: _ClassVar[int]
    START_RATE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    name: str
    task_type: str
    function_code: str
    api_url: str
    celery_task: CeleryTask
    function_name: str
    task_args: _struct_pb2.ListValue
    task_kwargs: _struct_pb2.Struct
    method: str
    headers: _containers.ScalarMap[str, str]
    params: _struct_pb2.Struct
    data: _struct_pb2.Value
    raw_body: bytes
    expected_status: _containers.RepeatedScalarFieldContainer[int]
    delay_seconds: float
    run_at: _timestamp_pb2.Timestamp
    cron_expression: str
    time_zone: str
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    max_runs: int
    misfire_policy: Task.MisfirePolicy
    overlap_policy: Task.OverlapPolicy
    jitter_seconds: float
    timeout: float
    retry_policy: RetryPolicy
    queue: str
    priority: int
    module: str
    metadata: _struct_pb2.Struct
    status: Task.Status
    next_run_at: _timestamp_pb2.Timestamp
    last_execution: _execution_pb2.TaskExecution
    run_count: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    created_by: _execution_pb2.User
    etag: str
    watch_token: str
    upcoming_run_times: _containers.RepeatedCompositeFieldContainer[_timestamp_pb2.Timestamp]
    misfire_window_seconds: float
    deadline_seconds: float
    fired_count: int
    missed_count: int
    skipped_count: int
    upcoming_fire_times: _containers.RepeatedCompositeFieldContainer[FireTime]
    schedule_description: str
    response_assertions: _containers.RepeatedCompositeFieldContainer[ResponseAssertion]
    paused_at: _timestamp_pb2.Timestamp
    waiting: Waiting
    secret_headers: _containers.ScalarMap[str, str]
    secrets: _containers.ScalarMap[str, str]
    sealed_values: _containers.RepeatedCompositeFieldContainer[SealedValue]
    concurrency_key: str
    max_concurrent: int
    start_rate: StartRate
    def __init__(self, task_id: _Optional[str] = ..., name: _Optional[str] = ..., task_type: _Optional[str] = ..., function_code: _Optional[str] = ..., api_url: _Optional[str] = ..., celery_task: _Optional[_Union[CeleryTask, _Mapping]] = ..., function_name: _Optional[str] = ..., task_args: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., task_kwargs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., method: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., params: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., data: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., raw_body: _Optional[bytes] = ..., expected_status: _Optional[_Iterable[int]] = ..., delay_seconds: _Optional[float] = ..., run_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cron_expression: _Optional[str] = ..., time_zone: _Optional[str] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., max_runs: _Optional[int] = ..., misfire_policy: _Optional[_Union[Task.MisfirePolicy, str]] = ..., overlap_policy: _Optional[_Union[Task.OverlapPolicy, str]] = ..., jitter_seconds: _Optional[float] = ..., timeout: _Optional[float] = ..., retry_policy: _Optional[_Union[RetryPolicy, _Mapping]] = ..., queue: _Optional[str] = ..., priority: _Optional[int] = ..., module: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., status: _Optional[_Union[Task.Status, str]] = ..., next_run_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_execution: _Optional[_Union[_execution_pb2.TaskExecution, _Mapping]] = ..., run_count: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[_Union[_execution_pb2.User, _Mapping]] = ..., etag: _Optional[str] = ..., watch_token: _Optional[str] = ..., upcoming_run_times: _Optional[_Iterable[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]]] = ..., misfire_window_seconds: _Optional[float] = ..., deadline_seconds: _Optional[float] = ..., fired_count: _Optional[int] = ..., missed_count: _Optional[int] = ..., skipped_count: _Optional[int] = ..., upcoming_fire_times: _Optional[_Iterable[_Union[FireTime, _Mapping]]] = ..., schedule_description: _Optional[str] = ..., response_assertions: _Optional[_Iterable[_Union[ResponseAssertion, _Mapping]]] = ..., paused_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., waiting: _Optional[_Union[Waiting, _Mapping]] = ..., secret_headers: _Optional[_Mapping[str, str]] = ..., secrets: _Optional[_Mapping[str, str]] = ..., sealed_values: _Optional[_Iterable[_Union[SealedValue, _Mapping]]] = ..., concurrency_key: _Optional[str] = ..., max_concurrent: _Optional[int] = ..., start_rate: _Optional[_Union[StartRate, _Mapping]] = ...) -> None: ...

class Waiting(_message.Message):
    __slots__ = ("cause", "explanation", "since", "remedy")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    cause: str
    explanation: str
    since: _timestamp_pb2.Timestamp
    remedy: str
    def __init__(self, cause: _Optional[str] = ..., explanation: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remedy: _Optional[str] = ...) -> None: ...
