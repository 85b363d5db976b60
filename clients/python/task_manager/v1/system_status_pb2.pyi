import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SystemStatus(_message.Message):
    __slots__ = ("version", "schema_version", "processes", "queues")
    class Process(_message.Message):
        __slots__ = ("name", "role", "version", "seen_at", "isolation_level", "isolation_layers", "code_refusal", "live", "started_at", "queues", "concurrency")
        NAME_FIELD_NUMBER: _ClassVar[int]
        ROLE_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        SEEN_AT_FIELD_NUMBER: _ClassVar[int]
        ISOLATION_LEVEL_FIELD_NUMBER: _ClassVar[int]
        ISOLATION_LAYERS_FIELD_NUMBER: _ClassVar[int]
        CODE_REFUSAL_FIELD_NUMBER: _ClassVar[int]
        LIVE_FIELD_NUMBER: _ClassVar[int]
        STARTED_AT_FIELD_NUMBER: _ClassVar[int]
        QUEUES_FIELD_NUMBER: _ClassVar[int]
        CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
        name: str
        role: str
        version: str
        seen_at: _timestamp_pb2.Timestamp
        isolation_level: str
        isolation_layers: _containers.RepeatedScalarFieldContainer[str]
        code_refusal: str
        live: bool
        started_at: _timestamp_pb2.Timestamp
        queues: _containers.RepeatedScalarFieldContainer[str]
        concurrency: int
        def __init__(self, name: _Optional[str] = ..., role: _Optional[str] = ..., version: _Optional[str] = ..., seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., isolation_level: _Optional[str] = ..., isolation_layers: _Optional[_Iterable[str]] = ..., code_refusal: _Optional[str] = ..., live: _Optional[bool] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queues: _Optional[_Iterable[str]] = ..., concurrency: _Optional[int] = ...) -> None: ...
    class Queue(_message.Message):
        __slots__ = ("name", "waiting", "running")
        NAME_FIELD_NUMBER: _ClassVar[int]
        WAITING_FIELD_NUMBER: _ClassVar[int]
        RUNNING_FIELD_NUMBER: _ClassVar[int]
        name: str
        waiting: int
        running: int
        def __init__(self, name: _Optional[str] = ..., waiting: _Optional[int] = ..., running: _Optional[int] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    version: str
    schema_version: int
    processes: _containers.RepeatedCompositeFieldContainer[SystemStatus.Process]
    queues: _containers.RepeatedCompositeFieldContainer[SystemStatus.Queue]
    def __init__(self, version: _Optional[str] = ..., schema_version: _Optional[int] = ..., processes: _Optional[_Iterable[_Union[SystemStatus.Process, _Mapping]]] = ..., queues: _Optional[_Iterable[_Union[SystemStatus.Queue, _Mapping]]] = ...) -> None: ...
