"""Logging of every process: one line an entry, as text for people or JSON for collectors, with the request's id in each."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar

#: The id of the request that is being served, for every line logged meanwhile.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: What a LogRecord always has; anything beyond came by `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request_id"}
#: Control characters as they are written in Python.
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def configure(level: str, log_format: str, role: str) -> None:
    """Send all log entries of this process to standard error. `log_format` is `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(role) if log_format == "json" else TextFormatter(role))
    handler.addFilter(_add_request_id)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Celery and kombu tell every connection attempt and every message twice; our own code tells what matters of it.
    for noisy in ("kombu", "celery.redirected", "celery.worker.strategy", "celery.app.trace", "amqp", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _add_request_id(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    return True


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


class TextFormatter(logging.Formatter):
    """`time level role logger: message key=value`."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry's line, with the traceback below where there is one."""
        facts = _extras(record)
        if getattr(record, "request_id", ""):
            facts["request_id"] = record.request_id  # type: ignore[attr-defined]
        tail = "".join(f" {name}={value}" for name, value in facts.items())
        # What a caller sent may stand in a message or a value: it must not look like an entry of ours.
        text = f"{record.getMessage()}{tail}".translate(_CONTROLS)
        line = f"{_time(record)} {record.levelname:<7} {self.role} {record.name}: {text}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry's line."""
        entry: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "role": self.role,
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if getattr(record, "request_id", ""):
            entry["request_id"] = record.request_id  # type: ignore[attr-defined]
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)
