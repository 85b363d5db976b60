"""Turns whatever a call raises into a status; nothing of ours but the table's words reaches a caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import grpc

from task_server import logs
from task_server.api import errors
from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.domain.errors import DeadlinePassed, InternalDefect, TaskServiceError

_log = logging.getLogger(__name__)


class ErrorsInterceptor(AroundInterceptor):
    """Ends calls with the error that they raised. Unary calls get `max_call_seconds` at most."""

    def __init__(self, max_call_seconds: float) -> None:
        self._max_call_seconds = max_call_seconds

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Translate what the call raises."""
        try:
            async with asyncio.timeout(None if call.is_stream else self._max_call_seconds):
                yield
        except grpc.aio.AbortError:
            raise
        except TaskServiceError as error:
            await errors.abort(call.context, error)
        except TimeoutError:
            await errors.abort(call.context, DeadlinePassed())
        except Exception:
            _log.exception("%s failed", call.method)
            await errors.abort(call.context, InternalDefect(logs.request_id.get()))
