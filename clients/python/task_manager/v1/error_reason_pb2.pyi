from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    INVALID_FIELDS: _ClassVar[ErrorReason]
    INVALID_PAGE_TOKEN: _ClassVar[ErrorReason]
    INVALID_WATCH_TOKEN: _ClassVar[ErrorReason]
    WATCH_TOKEN_EXPIRED: _ClassVar[ErrorReason]
    TASK_NOT_FOUND: _ClassVar[ErrorReason]
    EXECUTION_NOT_FOUND: _ClassVar[ErrorReason]
    REQUEST_ID_REUSED: _ClassVar[ErrorReason]
    INVALID_CREDENTIALS: _ClassVar[ErrorReason]
    PERMISSION_MISSING: _ClassVar[ErrorReason]
    RPC_NOT_IMPLEMENTED: _ClassVar[ErrorReason]
    DATABASE_UNAVAILABLE: _ClassVar[ErrorReason]
    TASK_ENDED: _ClassVar[ErrorReason]
    ETAG_MISMATCH: _ClassVar[ErrorReason]
    WATCHER_TOO_SLOW: _ClassVar[ErrorReason]
    INTERNAL_DEFECT: _ClassVar[ErrorReason]
    SERVER_BUSY: _ClassVar[ErrorReason]
    DEADLINE_PASSED: _ClassVar[ErrorReason]
    CODE_CHECKER_UNAVAILABLE: _ClassVar[ErrorReason]
    SERVER_STOPPING: _ClassVar[ErrorReason]
    SERVER_UNREACHABLE: _ClassVar[ErrorReason]
    TASK_STARTED: _ClassVar[ErrorReason]
    QUOTA_EXCEEDED: _ClassVar[ErrorReason]
    RATE_LIMITED: _ClassVar[ErrorReason]
    TOO_MANY_STREAMS: _ClassVar[ErrorReason]
    TOKEN_NOT_FOUND: _ClassVar[ErrorReason]
    SEALING_UNAVAILABLE: _ClassVar[ErrorReason]
    LOCK_HELD: _ClassVar[ErrorReason]
    LOCK_LOST: _ClassVar[ErrorReason]
    RESULT_BACKEND_UNAVAILABLE: _ClassVar[ErrorReason]
    NO_RESULT_BACKEND: _ClassVar[ErrorReason]
    EXECUTION_NOT_FOREIGN: _ClassVar[ErrorReason]
    EXECUTION_FOREIGN: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
INVALID_FIELDS: ErrorReason
INVALID_PAGE_TOKEN: ErrorReason
INVALID_WATCH_TOKEN: ErrorReason
WATCH_TOKEN_EXPIRED: ErrorReason
TASK_NOT_FOUND: ErrorReason
EXECUTION_NOT_FOUND: ErrorReason
REQUEST_ID_REUSED: ErrorReason
INVALID_CREDENTIALS: ErrorReason
PERMISSION_MISSING: ErrorReason
RPC_NOT_IMPLEMENTED: ErrorReason
DATABASE_UNAVAILABLE: ErrorReason
TASK_ENDED: ErrorReason
ETAG_MISMATCH: ErrorReason
WATCHER_TOO_SLOW: ErrorReason
INTERNAL_DEFECT: ErrorReason
SERVER_BUSY: ErrorReason
DEADLINE_PASSED: ErrorReason
CODE_CHECKER_UNAVAILABLE: ErrorReason
SERVER_STOPPING: ErrorReason
SERVER_UNREACHABLE: ErrorReason
TASK_STARTED: ErrorReason
QUOTA_EXCEEDED: ErrorReason
RATE_LIMITED: ErrorReason
TOO_MANY_STREAMS: ErrorReason
TOKEN_NOT_FOUND: ErrorReason
SEALING_UNAVAILABLE: ErrorReason
LOCK_HELD: ErrorReason
LOCK_LOST: ErrorReason
RESULT_BACKEND_UNAVAILABLE: ErrorReason
NO_RESULT_BACKEND: ErrorReason
EXECUTION_NOT_FOREIGN: ErrorReason
EXECUTION_FOREIGN: ErrorReason
