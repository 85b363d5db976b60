"""Both bells, one suite; and what only the one over Redis has to survive."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from task_server.notifier.bell import Bell, MemoryBell, Topic
from task_server.notifier.redis_bell import RedisBell


@pytest.fixture(params=["memory", "redis"])
def bell(request) -> Iterator[Bell]:
    bell: Bell = MemoryBell() if request.param == "memory" else RedisBell(request.getfixturevalue("broker").url)
    yield bell
    bell.close()


def ring_until_heard(bell: Bell, heard: queue.Queue[str], topic: Topic, word: str, within: float = 60) -> str:
    """Subscribing takes a moment, and a ring may be lost: that is the bell's contract."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        bell.ring(topic, word)
        try:
            return heard.get(timeout=0.05)
        except queue.Empty:
            continue
    pytest.fail("the bell was not heard")


def test_who_listens_hears_the_word(bell):
    heard: queue.Queue[str] = queue.Queue()
    with bell.listen(Topic.STOP, heard.put):
        assert ring_until_heard(bell, heard, Topic.STOP, "e1") == "e1"


def test_topics_do_not_mix(bell):
    stops: queue.Queue[str] = queue.Queue()
    events: queue.Queue[str] = queue.Queue()
    with bell.listen(Topic.STOP, stops.put), bell.listen(Topic.EVENTS, events.put):
        ring_until_heard(bell, events, Topic.EVENTS, "")
        ring_until_heard(bell, stops, Topic.STOP, "last")
        assert set(events.queue) <= {""}
        assert set(stops.queue) <= {"last"}


def test_who_stopped_listening_hears_no_more(bell):
    first: queue.Queue[str] = queue.Queue()
    second: queue.Queue[str] = queue.Queue()
    with bell.listen(Topic.EVENTS, first.put):
        ring_until_heard(bell, first, Topic.EVENTS, "a")
    while not first.empty():
        first.get()
    with bell.listen(Topic.EVENTS, second.put):
        ring_until_heard(bell, second, Topic.EVENTS, "b")
    assert "b" not in first.queue


def test_ringing_never_waits_for_a_broker_that_is_silent_or_gone(broker):
    bell = RedisBell(broker.url)
    broker.signal(signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(100):
        bell.ring(Topic.EVENTS)
    # Whoever waits for a broker that is silent waits for seconds each time.
    assert time.monotonic() - began < 20
    broker.signal(signal.SIGCONT)
    broker.kill()
    bell.ring(Topic.EVENTS)
    began = time.monotonic()
    bell.close()
    assert time.monotonic() - began < 20


def test_the_bell_rings_again_when_the_broker_is_back(broker):
    bell = RedisBell(broker.url)
    heard: queue.Queue[str] = queue.Queue()
    with bell.listen(Topic.EVENTS, heard.put):
        ring_until_heard(bell, heard, Topic.EVENTS, "before")
        broker.kill()
        broker.start()
        ring_until_heard(bell, heard, Topic.EVENTS, "after", within=20)
    bell.close()


def test_closing_ends_the_threads(broker):
    before = set(threading.enumerate())
    bell = RedisBell(broker.url)
    heard: queue.Queue[str] = queue.Queue()
    with bell.listen(Topic.EVENTS, heard.put):
        ring_until_heard(bell, heard, Topic.EVENTS, "x")
    bell.close()
    assert set(threading.enumerate()) <= before
