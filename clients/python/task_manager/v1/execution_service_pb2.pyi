import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from task_manager.v1 import execution_pb2 as _execution_pb2
from task_manager.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterExecutionRequest(_message.Message):
    __slots__ = ("task_id", "task_name", "module", "task_args", "task_kwargs", "created_by", "metadata", "initial_status", "created_by_username", "app")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    TASK_ARGS_FIELD_NUMBER: _ClassVar[int]
    TASK_KWARGS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_USERNAME_FIELD_NUMBER: _ClassVar[int]
    APP_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    task_name: str
    module: str
    task_args: _struct_pb2.ListValue
    task_kwargs: _struct_pb2.Struct
    created_by: str
    metadata: _struct_pb2.Struct
    initial_status: _execution_pb2.TaskExecution.Status
    created_by_username: str
    app: str
    def __init__(self, task_id: _Optional[str] = ..., task_name: _Optional[str] = ..., module: _Optional[str] = ..., task_args: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., task_kwargs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., created_by: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., initial_status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., created_by_username: _Optional[str] = ..., app: _Optional[str] = ...) -> None: ...

class ListExecutionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "module", "task_name", "status", "created_by", "my_tasks", "start_date", "end_date", "parent_task", "filter", "order_by", "view", "time_zone")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    MY_TASKS_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    module: str
    task_name: str
    status: _execution_pb2.TaskExecution.Status
    created_by: str
    my_tasks: bool
    start_date: str
    end_date: str
    parent_task: str
    filter: str
    order_by: str
    view: _task_pb2.View
    time_zone: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., module: _Optional[str] = ..., task_name: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., created_by: _Optional[str] = ..., my_tasks: _Optional[bool] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., parent_task: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ..., view: _Optional[_Union[_task_pb2.View, str]] = ..., time_zone: _Optional[str] = ...) -> None: ...

class ListExecutionsResponse(_message.Message):
    __slots__ = ("executions", "next_page_token", "total_size", "watch_token", "total_size_is_least")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    WATCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_IS_LEAST_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[_execution_pb2.TaskExecution]
    next_page_token: str
    total_size: int
    watch_token: str
    total_size_is_least: bool
    def __init__(self, executions: _Optional[_Iterable[_Union[_execution_pb2.TaskExecution, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ..., watch_token: _Optional[str] = ..., total_size_is_least: _Optional[bool] = ...) -> None: ...

class ListMyExecutionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "module", "task_name", "status", "start_date", "end_date", "parent_task", "filter", "order_by", "view", "time_zone")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    module: str
    task_name: str
    status: _execution_pb2.TaskExecution.Status
    start_date: str
    end_date: str
    parent_task: str
    filter: str
    order_by: str
    view: _task_pb2.View
    time_zone: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., module: _Optional[str] = ..., task_name: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., parent_task: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ..., view: _Optional[_Union[_task_pb2.View, str]] = ..., time_zone: _Optional[str] = ...) -> None: ...

class ListMyExecutionsResponse(_message.Message):
    __slots__ = ("executions", "next_page_token", "total_size", "watch_token", "total_size_is_least")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    WATCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_IS_LEAST_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[_execution_pb2.TaskExecution]
    next_page_token: str
    total_size: int
    watch_token: str
    total_size_is_least: bool
    def __init__(self, executions: _Optional[_Iterable[_Union[_execution_pb2.TaskExecution, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ..., watch_token: _Optional[str] = ..., total_size_is_least: _Optional[bool] = ...) -> None: ...

class GetExecutionRequest(_message.Message):
    __slots__ = ("id", "view")
    ID_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    id: str
    view: _task_pb2.View
    def __init__(self, id: _Optional[str] = ..., view: _Optional[_Union[_task_pb2.View, str]] = ...) -> None: ...

class GetExecutionByTaskIdRequest(_message.Message):
    __slots__ = ("task_id", "view")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    view: _task_pb2.View
    def __init__(self, task_id: _Optional[str] = ..., view: _Optional[_Union[_task_pb2.View, str]] = ...) -> None: ...

class GetExecutionStatusRequest(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class ExecutionStatus(_message.Message):
    __slots__ = ("id", "task_id", "status", "terminal", "started_at", "finished_at", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    task_id: str
    status: _execution_pb2.TaskExecution.Status
    terminal: bool
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    error: str
    def __init__(self, id: _Optional[str] = ..., task_id: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., terminal: _Optional[bool] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[str] = ...) -> None: ...

class UpdateExecutionStatusRequest(_message.Message):
    __slots__ = ("id", "status", "result", "error", "traceback", "metadata")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    id: str
    status: _execution_pb2.TaskExecution.Status
    result: _struct_pb2.Value
    error: str
    traceback: str
    metadata: _struct_pb2.Struct
    def __init__(self, id: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., result: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., error: _Optional[str] = ..., traceback: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class SyncExecutionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class BatchReportExecutionsRequest(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[ExecutionReport]
    def __init__(self, reports: _Optional[_Iterable[_Union[ExecutionReport, _Mapping]]] = ...) -> None: ...

class ExecutionReport(_message.Message):
    __slots__ = ("run", "status", "occurred_at", "retries", "result", "error", "traceback", "worker", "queue")
    RUN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    run: RegisterExecutionRequest
    status: _execution_pb2.TaskExecution.Status
    occurred_at: _timestamp_pb2.Timestamp
    retries: int
    result: _struct_pb2.Value
    error: str
    traceback: str
    worker: str
    queue: str
    def __init__(self, run: _Optional[_Union[RegisterExecutionRequest, _Mapping]] = ..., status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retries: _Optional[int] = ..., result: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., error: _Optional[str] = ..., traceback: _Optional[str] = ..., worker: _Optional[str] = ..., queue: _Optional[str] = ...) -> None: ...

class BatchReportExecutionsResponse(_message.Message):
    __slots__ = ("recorded", "changed", "unchanged", "unknown")
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    recorded: int
    changed: int
    unchanged: int
    unknown: int
    def __init__(self, recorded: _Optional[int] = ..., changed: _Optional[int] = ..., unchanged: _Optional[int] = ..., unknown: _Optional[int] = ...) -> None: ...

class SyncExecutionsRequest(_message.Message):
    __slots__ = ("max_count", "my_tasks")
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    MY_TASKS_FIELD_NUMBER: _ClassVar[int]
    max_count: int
    my_tasks: bool
    def __init__(self, max_count: _Optional[int] = ..., my_tasks: _Optional[bool] = ...) -> None: ...

class SyncExecutionsResponse(_message.Message):
    __slots__ = ("synced", "changed", "finished", "unreachable")
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    UNREACHABLE_FIELD_NUMBER: _ClassVar[int]
    synced: int
    changed: int
    finished: int
    unreachable: int
    def __init__(self, synced: _Optional[int] = ..., changed: _Optional[int] = ..., finished: _Optional[int] = ..., unreachable: _Optional[int] = ...) -> None: ...

class GetExecutionStatsRequest(_message.Message):
    __slots__ = ("module", "task_name", "created_by", "my_tasks", "start_date", "end_date", "status", "parent_task", "filter", "time_zone", "period_length")
    MODULE_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    MY_TASKS_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_LENGTH_FIELD_NUMBER: _ClassVar[int]
    module: str
    task_name: str
    created_by: str
    my_tasks: bool
    start_date: str
    end_date: str
    status: _execution_pb2.TaskExecution.Status
    parent_task: str
    filter: str
    time_zone: str
    period_length: ExecutionStats.Period.Length
    def __init__(self, module: _Optional[str] = ..., task_name: _Optional[str] = ..., created_by: _Optional[str] = ..., my_tasks: _Optional[bool] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.TaskExecution.Status, str]] = ..., parent_task: _Optional[str] = ..., filter: _Optional[str] = ..., time_zone: _Optional[str] = ..., period_length: _Optional[_Union[ExecutionStats.Period.Length, str]] = ...) -> None: ...

class ExecutionStats(_message.Message):
    __slots__ = ("total", "by_status", "by_module", "by_task_name", "by_user", "success_rate", "waiting_seconds", "running_seconds", "periods", "truncated")
    class Percentiles(_message.Message):
        __slots__ = ("p50", "p95", "p99", "count")
        P50_FIELD_NUMBER: _ClassVar[int]
        P95_FIELD_NUMBER: _ClassVar[int]
        P99_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        p50: float
        p95: float
        p99: float
        count: int
        def __init__(self, p50: _Optional[float] = ..., p95: _Optional[float] = ..., p99: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...
    class Period(_message.Message):
        __slots__ = ("start_time", "total", "by_status")
        class Length(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            LENGTH_UNSPECIFIED: _ClassVar[ExecutionStats.Period.Length]
            DAY: _ClassVar[ExecutionStats.Period.Length]
            HOUR: _ClassVar[ExecutionStats.Period.Length]
        LENGTH_UNSPECIFIED: ExecutionStats.Period.Length
        DAY: ExecutionStats.Period.Length
        HOUR: ExecutionStats.Period.Length
        class ByStatusEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: int
            def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
        START_TIME_FIELD_NUMBER: _ClassVar[int]
        TOTAL_FIELD_NUMBER: _ClassVar[int]
        BY_STATUS_FIELD_NUMBER: _ClassVar[int]
        start_time: _timestamp_pb2.Timestamp
        total: int
        by_status: _containers.ScalarMap[str, int]
        def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., total: _Optional[int] = ..., by_status: _Optional[_Mapping[str, int]] = ...) -> None: ...
    class ByStatusEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByModuleEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByTaskNameEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ByUserEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    BY_STATUS_FIELD_NUMBER: _ClassVar[int]
    BY_MODULE_FIELD_NUMBER: _ClassVar[int]
    BY_TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    BY_USER_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_RATE_FIELD_NUMBER: _ClassVar[int]
    WAITING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    total: int
    by_status: _containers.ScalarMap[str, int]
    by_module: _containers.ScalarMap[str, int]
    by_task_name: _containers.ScalarMap[str, int]
    by_user: _containers.ScalarMap[str, int]
    success_rate: float
    waiting_seconds: ExecutionStats.Percentiles
    running_seconds: ExecutionStats.Percentiles
    periods: _containers.RepeatedCompositeFieldContainer[ExecutionStats.Period]
    truncated: bool
    def __init__(self, total: _Optional[int] = ..., by_status: _Optional[_Mapping[str, int]] = ..., by_module: _Optional[_Mapping[str, int]] = ..., by_task_name: _Optional[_Mapping[str, int]] = ..., by_user: _Optional[_Mapping[str, int]] = ..., success_rate: _Optional[float] = ..., waiting_seconds: _Optional[_Union[ExecutionStats.Percentiles, _Mapping]] = ..., running_seconds: _Optional[_Union[ExecutionStats.Percentiles, _Mapping]] = ..., periods: _Optional[_Iterable[_Union[ExecutionStats.Period, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class BatchRegisterExecutionsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[RegisterExecutionRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[RegisterExecutionRequest, _Mapping]]] = ...) -> None: ...

class BatchRegisterExecutionsResponse(_message.Message):
    __slots__ = ("executions",)
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[_execution_pb2.TaskExecution]
    def __init__(self, executions: _Optional[_Iterable[_Union[_execution_pb2.TaskExecution, _Mapping]]] = ...) -> None: ...

class RerunExecutionsRequest(_message.Message):
    __slots__ = ("ids", "filter", "validate_only", "created_by", "my_tasks", "request_id")
    IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    MY_TASKS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    validate_only: bool
    created_by: str
    my_tasks: bool
    request_id: str
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., validate_only: _Optional[bool] = ..., created_by: _Optional[str] = ..., my_tasks: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class RerunExecutionsResponse(_message.Message):
    __slots__ = ("executions", "count")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[_execution_pb2.TaskExecution]
    count: int
    def __init__(self, executions: _Optional[_Iterable[_Union[_execution_pb2.TaskExecution, _Mapping]]] = ..., count: _Optional[int] = ...) -> None: ...

class TailExecutionLogsRequest(_message.Message):
    __slots__ = ("id", "offset", "follow")
    ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    id: str
    offset: int
    follow: bool
    def __init__(self, id: _Optional[str] = ..., offset: _Optional[int] = ..., follow: _Optional[bool] = ...) -> None: ...

class ExecutionLogChunk(_message.Message):
    __slots__ = ("offset", "text", "attempt")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    offset: int
    text: str
    attempt: int
    def __init__(self, offset: _Optional[int] = ..., text: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...
