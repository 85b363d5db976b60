"""Redis as kombu's transport, but that what is no message is dropped, and what was taken for good is not acknowledged.

In kombu 5.7 the error of reading a broken message ends the worker that reads it, with status 0: a few bytes in a queue would
end one worker after the other. And of a message that was taken with `no_ack` kombu tells the broker all the same that it was: a
round trip for nothing, an error where the broker died meanwhile, and a note of each message that is kept for ever.
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
    """A channel that reads on after what is no message, and acknowledges only what the broker still keeps for it."""

    Message = Message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a message, unless it was taken for good."""
        if self._is_kept(delivery_tag):
            super().basic_ack(delivery_tag, multiple=multiple)  # type: ignore[no-untyped-call]

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Refuse a message, unless it was taken for good."""
        if self._is_kept(delivery_tag):
            super().basic_reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]

    def _is_kept(self, delivery_tag: str) -> bool:
        try:
            self.qos.get(delivery_tag)
        except KeyError:
            return False
        return True

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
