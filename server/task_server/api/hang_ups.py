"""Callers that leave while their call's end is on its way to them: no defect, though grpc logs it as one, with a traceback."""

from __future__ import annotations

import logging

_GRPC = "grpc._cython.cygrpc"


def expect() -> None:
    """Leave out of the log what grpc.aio says of them. A call's own line tells that it was CANCELLED."""
    logging.getLogger(_GRPC).addFilter(_is_of_interest)


def _is_of_interest(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    text = f"{record.getMessage()} {error}"
    return not ("ExecuteBatchError" in text and "SendStatusFromServerOperation" in text)
