"""One connection to the broker, and the message that any Celery worker understands.

`Celery.send_task` makes each message from nothing, and asks the broker once for each: of 0.4 ms, most is the same every time. Here
Celery makes one message, which is the pattern of all others, and a batch of them is one round trip where the transport can do
that (kombu 5.7 and Redis), else one each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from celery import Celery
from kombu.entity import Queue
from kombu.messaging import Producer

from task_server.dispatch.hint import EXECUTE

#: Messages of one round trip.
_BATCH = 1000
#: A publisher waits for nothing but the answer, which takes milliseconds: a silent broker is one that is away. And what was not
#: answered is not sent a second time by the transport, as whoever publishes decides that.
_TRANSPORT_OPTIONS = {"socket_timeout": 2, "retry_on_timeout": False}


class BrokerLink:
    """A connection for one thread at a time. After any error it is of no use but to be closed."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection = app.connection_for_write(transport_options=_TRANSPORT_OPTIONS)
        self._producer = Producer(self._connection, auto_declare=False)
        self._queues: dict[str, Queue] = {}
        pattern = app.amqp.create_task_message("", EXECUTE, args=("",), ignore_result=True)
        self._headers: dict[str, Any] = pattern.headers
        self._properties: dict[str, Any] = pattern.properties
        _, self._kwargs, self._embedded = pattern.body

    def put(self, messages: Iterable[tuple[str, str]]) -> None:
        """Have each queue of the (id, queue) pairs hold that execution's message. Raises what the transport raises."""
        with self._producer.batch(max_size=_BATCH):
            for execution_id, queue in messages:
                self._queue(queue)
                self._producer.publish(
                    json.dumps([[execution_id], self._kwargs, self._embedded]),
                    content_type="application/json",
                    content_encoding="utf-8",
                    routing_key=queue,
                    headers=self._headers
                    | {"id": execution_id, "root_id": execution_id, "argsrepr": repr((execution_id,))},
                    **(self._properties | {"correlation_id": execution_id}),
                )

    def depth(self, queue: str) -> int:
        """How many messages the queue holds that no worker has taken. Raises what the transport raises."""
        # Declared once more, not passively: on Redis an empty queue is none, and asking for it would be an error.
        return int(self._queue(queue).queue_declare().message_count)

    def close(self) -> None:
        """Close the connection."""
        self._connection.release()

    def _queue(self, name: str) -> Queue:
        """The queue, declared: RabbitMQ drops what is sent to one that it does not know."""
        if name not in self._queues:
            queue = self._app.amqp.queues[name](self._producer.channel)
            queue.declare()
            self._queues[name] = queue
        return self._queues[name]
