import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from task_manager.v1 import execution_pb2 as _execution_pb2
from task_manager.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskEvent(_message.Message):
    __slots__ = ("type", "task", "execution", "watch_token", "occurred_at")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[TaskEvent.Type]
        ADDED: _ClassVar[TaskEvent.Type]
        MODIFIED: _ClassVar[TaskEvent.Type]
        DELETED: _ClassVar[TaskEvent.Type]
        BOOKMARK: _ClassVar[TaskEvent.Type]
    TYPE_UNSPECIFIED: TaskEvent.Type
    ADDED: TaskEvent.Type
    MODIFIED: TaskEvent.Type
    DELETED: TaskEvent.Type
    BOOKMARK: TaskEvent.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    WATCH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    type: TaskEvent.Type
    task: _task_pb2.Task
    execution: _execution_pb2.TaskExecution
    watch_token: str
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, type: _Optional[_Union[TaskEvent.Type, str]] = ..., task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ..., execution: _Optional[_Union[_execution_pb2.TaskExecution, _Mapping]] = ..., watch_token: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
