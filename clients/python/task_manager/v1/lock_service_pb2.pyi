from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from task_manager.v1 import lock_pb2 as _lock_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AcquireLockRequest(_message.Message):
    __slots__ = ("name", "owner", "lease_seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    owner: str
    lease_seconds: float
    def __init__(self, name: _Optional[str] = ..., owner: _Optional[str] = ..., lease_seconds: _Optional[float] = ...) -> None: ...

class RenewLockRequest(_message.Message):
    __slots__ = ("name", "owner", "fencing_number", "lease_seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    FENCING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    owner: str
    fencing_number: int
    lease_seconds: float
    def __init__(self, name: _Optional[str] = ..., owner: _Optional[str] = ..., fencing_number: _Optional[int] = ..., lease_seconds: _Optional[float] = ...) -> None: ...

class ReleaseLockRequest(_message.Message):
    __slots__ = ("name", "owner", "fencing_number")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    FENCING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    name: str
    owner: str
    fencing_number: int
    def __init__(self, name: _Optional[str] = ..., owner: _Optional[str] = ..., fencing_number: _Optional[int] = ...) -> None: ...

class GetLockRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
