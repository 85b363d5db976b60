"""One line for each call: what, for whom, how it ended, how long it took; and the same for the metrics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import grpc

from task_server.api.interceptors.around import AroundInterceptor, Call, ServicerContext
from task_server.api.interceptors.authentication import current_caller
from task_server.auth.policy import POLICY
from task_server.metrics import meters

_log = logging.getLogger("task_server.calls")
_OUR_FAULT = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)


class LogInterceptor(AroundInterceptor):
    """Logs calls that went well at DEBUG, refused ones at INFO, our own faults at ERROR."""

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Log the call when it has ended."""
        began = time.perf_counter()
        code = grpc.StatusCode.OK
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            # The second is a stream whose caller left between two of its messages.
            code = grpc.StatusCode.CANCELLED
            raise
        except BaseException:
            code = _status_code(call.context)
            raise
        finally:
            seconds = time.perf_counter() - began
            # What is no method of the contract has one name: callers can make up others.
            method = call.method if call.method in POLICY else "unknown"
            meters.CALLS.count(method, code.name)
            if not call.is_stream:
                meters.CALL_SECONDS.observe(seconds, method)
            level = logging.DEBUG if code is grpc.StatusCode.OK else logging.INFO
            caller = current_caller.get(None)
            _log.log(
                logging.ERROR if code in _OUR_FAULT else level,
                "%s %s",
                call.method,
                code.name,
                extra={
                    "milliseconds": round(seconds * 1000, 1),
                    "user": caller.owner.id if caller else "-",
                    "token": caller.token_id if caller else "-",
                },
            )


def _status_code(context: ServicerContext) -> grpc.StatusCode:
    code: object = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next((known for known in grpc.StatusCode if known.value[0] == code), grpc.StatusCode.UNKNOWN)
