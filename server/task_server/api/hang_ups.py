"""Callers that leave before their call begins, or while its end is on its way: no defect, though grpc logs one with a traceback."""

from __future__ import annotations

import logging

_GRPC = "grpc._cython.cygrpc"
#: What can not be sent any more. A message of a stream is not among them: its servicer hears of that.
_SENT = ("SendInitialMetadataOperation", "SendStatusFromServerOperation")


def expect() -> None:
    """Leave out of the log what grpc.aio says of them. A call's own line tells that it was CANCELLED."""
    logging.getLogger(_GRPC).addFilter(_is_of_interest)


def _is_of_interest(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    text = f"{record.getMessage()} {error}"
    return not ("ExecuteBatchError" in text and any(operation in text for operation in _SENT))
