"""Redis as kombu's transport, but that of a message only its hint is let in, and what was taken for good is not acknowledged.

In kombu 5.7 the error of reading a broken message ends the worker that reads it, with status 0: a few bytes in a queue would
end one worker after the other. And of a message that was taken with `no_ack` kombu tells the broker all the same that it was: a
round trip for nothing, an error where the broker died meanwhile, and a note of each message that is kept for ever.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.transport.virtual import Empty
from redis import Redis

from task_server.dispatch.hint import NoMessageError, only_the_hint

_log = logging.getLogger(__name__)


class Client(Redis):
    """A connection on which what was in a queue is reduced to its hint before anything of Celery's sees it."""

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """Read an answer. Raises NoMessageError where it is what was in a queue, and no hint."""
        answer = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        if command_name != "BRPOP" or not answer:
            return answer
        key, item = answer
        return key, only_the_hint(item, key.decode().split(redis.Channel.sep)[0])


class QoS(redis.QoS):
    """kombu's books of what is not acknowledged, which hold a message for moments only: one that came when nothing was wanted."""

    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Put nothing back: whatever stands in the books for long was written by others, or is published again by the scheduler."""


class Channel(redis.Channel):
    """A channel that reads on after what is no message, and acknowledges only what the broker still keeps for it."""

    QoS = QoS

    def _get_client(self) -> type[Client]:
        return Client

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
        except NoMessageError as error:
            # It is out of the queue already. Whoever polls goes on as after an empty answer.
            _log.warning("what is no message of ours was dropped from a queue: %s", error)
            raise Empty from error


class Transport(redis.Transport):
    """Redis, with that channel."""

    Channel = Channel


def register() -> None:
    """Have every broker URL of Redis use it."""
    # By kombu's own names: Celery's `broker_transport` would not hold for Unix sockets, and would forget that rediss means TLS.
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{Transport.__name__}"))
