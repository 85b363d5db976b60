"""Publishing what waits: delayed runs at their time, and again whatever a lost message or a lost broker left behind.

That a run waits is no sign that its message was lost: the workers may be busy for hours. So what was announced is published again
only where the queue holds fewer messages than announced runs wait for it: as many runs as messages are missing, the oldest first,
since brokers hand out the oldest first. A count at an unlucky moment, while messages are on their way, doubles some; then the queue
is deeper, and later counts come out even. So doubles do not multiply.
"""

from __future__ import annotations

import time

from task_server.dispatch.lanes import code_lane
from task_server.dispatch.publisher import Message, Publisher, PublishError
from task_server.domain.clock import SECOND, Micros, seconds
from task_server.store import backlog
from task_server.usecases.ports import Ports

_BATCH = 500
#: How many runs are put off at once where no message is missing: that is one statement, and saves most counts of a long backlog.
_PUT_OFF_BATCH = 4 * _BATCH
#: How long a run whose message is in its queue is not looked at.
_PUT_OFF = seconds(300)
#: Of one queue, how many runs are to be published at most before it is counted again.
_FORWARD = 10 * _BATCH


class Publishing:
    """The use case of publishing. Any number of schedulers may do it at once: each run is published by one of them."""

    def __init__(self, ports: Ports, publisher: Publisher) -> None:
        self._publisher = publisher
        self._database = ports.database
        self._again = seconds(ports.republish_after_seconds)
        self._next_count = 0.0
        #: By queue, how many messages the last count of `bring_forward` found lacking.
        self._lacking: dict[str, int] = {}

    def publish_due(self) -> int:
        """Look at some 500 runs whose time has come; return how many were published or put off. Raises PublishError.

        What is to be published is noted first, in a transaction, with the time to look again: a crash between the two costs that
        time and never the run. When the broker is away, that time is now.
        """
        missing = self._missing()
        limit = _PUT_OFF_BATCH if missing and max(missing.values()) <= 0 else _BATCH
        published: list[Message] = []
        put_off: list[str] = []
        with self._database.write():
            now = self._database.now()
            for waiting in backlog.due(self._database, now, limit):
                execution_id, queue, announced = waiting
                if announced and queue not in missing:
                    continue  # its time came after the count
                if announced and missing[queue] <= 0:
                    put_off.append(execution_id)
                    continue
                if announced:
                    missing[queue] -= 1
                published.append(Message(execution_id, queue))
            backlog.announce([message.execution_id for message in published], now + self._again)
            backlog.look_again(put_off, now + _PUT_OFF)
        if published:
            self._publish(published, now + self._again)
        return len(published) + len(put_off)

    def bring_forward(self) -> int:
        """Once in `republish_after_seconds`: make due what was put off and whose message is gone; return how many runs.

        So a broker that was flushed, or came back empty, is filled again within seconds, whatever was put off. One that is
        away is left to `publish_due` to find.
        """
        if time.monotonic() < self._next_count:
            return 0
        self._next_count = time.monotonic() + self._again / SECOND
        counts, now = self._count()
        brought = 0
        lacking: dict[str, int] = {}
        for queue, count in counts.items():
            if not count.put_off:
                continue
            try:
                depth = self._depth(queue)
            except PublishError:
                return brought
            lacking[queue] = count.announced - depth
            # What was announced just now may be on its way still. Gone for certain is what the others lack, were all messages
            # theirs, and what was lacking at the last count already.
            gone = max(count.unclaimed + count.put_off - depth, min(lacking[queue], self._lacking.get(queue, 0)))
            brought += self._bring_forward(queue, min(gone, _FORWARD) - count.unclaimed, now)
        self._lacking = lacking
        if brought:
            # There may be more: the next call looks.
            self._next_count = 0.0
        return brought

    def _missing(self) -> dict[str, int]:
        """How many messages each queue lacks, of those queues where an announced run's time has come again."""
        with self._database.read():
            queues = backlog.unclaimed_queues(self._database.now(), _BATCH)
        if not queues:
            return {}
        counts, _ = self._count()
        return {queue: counts[queue].announced - self._depth(queue) for queue in queues & counts.keys()}

    def _depth(self, queue: str) -> int:
        """How many messages of a queue wait, with those that were handed on."""
        return self._publisher.depth(queue) + self._publisher.depth(code_lane(queue))

    def _count(self) -> tuple[dict[str, backlog.Count], Micros]:
        with self._database.read():
            now = self._database.now()
            return backlog.count(now, *self._put_off_between(now)), now

    def _bring_forward(self, queue: str, limit: int, now: Micros) -> int:
        if limit <= 0:
            return 0
        with self._database.write():
            found = backlog.put_off(self._database, queue, now, *self._put_off_between(now), limit)
            backlog.look_again(found, now)
        return len(found)

    def _put_off_between(self, now: Micros) -> tuple[Micros, Micros]:
        """What is looked at again after the first of these times was put off; no run is put off beyond the second."""
        return now + self._again, now + _PUT_OFF + self._again

    def _publish(self, messages: list[Message], announced_until: Micros) -> None:
        try:
            self._publisher.publish_many(messages)
        except PublishError:
            ids = [message.execution_id for message in messages]
            with self._database.write():
                backlog.take_back(self._database, ids, announced_until, self._database.now())
            raise
