"""Redis as kombu's transport, but that what is no message is dropped.

In kombu 5.7 the error of reading a broken message ends the worker that reads it, with status 0: a few bytes in a queue would
end one worker after the other.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from kombu.transport.virtual import Empty

_log = logging.getLogger(__name__)


class NoMessageError(Exception):
    """Something in a queue is no message."""


class Message(virtual.Message):
    """A message whose parts are all there. Raises NoMessageError."""

    def __init__(self, payload: Any, channel: Any = None, **rest: Any) -> None:
        """Read the parts."""
        try:
            super().__init__(payload, channel=channel, **rest)  # type: ignore[no-untyped-call]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NoMessageError(repr(error)) from error


class Channel(redis.Channel):
    """A channel that reads on after what is no message."""

    Message = Message

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, NoMessageError) as error:
            # It is out of the queue already. Whoever polls goes on as after an empty answer.
            _log.warning("what is no message was dropped from a queue: %s", error)
            raise Empty from error


class Transport(redis.Transport):
    """Redis, with that channel."""

    Channel = Channel


def register() -> None:
    """Have every broker URL of Redis use it."""
    # By kombu's own names: Celery's `broker_transport` would not hold for Unix sockets, and would forget that rediss means TLS.
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__name__}"))
