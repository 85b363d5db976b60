"""Whether this worker is to end, for all its processes: what is written here before a fork is seen by those that were forked."""

from __future__ import annotations

import mmap

_BEGUN, _HASTENED, _CONSUMER_STOPPED = range(3)


class Drain:
    """Three words that are said once and never taken back. Shared by a worker and the processes of its prefork pool.

    Without a lock, so that whoever asks waits for nobody.
    """

    def __init__(self) -> None:
        # Anonymous and shared: the kernel gives it to each process that is forked from this one.
        self._words = mmap.mmap(-1, mmap.PAGESIZE)

    @property
    def begun(self) -> bool:
        """Nothing new is begun any more; what runs has `drain_seconds` left."""
        return self._words[_BEGUN] != 0

    def begin(self) -> None:
        """Begin nothing new any more."""
        self._words[_BEGUN] = 1

    @property
    def hastened(self) -> bool:
        """What runs is ended at once."""
        return self._words[_HASTENED] != 0

    def hasten(self) -> None:
        """Begin nothing new any more, and end what runs at once."""
        self._words[_HASTENED] = 1
        self.begin()

    @property
    def consumer_stopped(self) -> bool:
        """This worker takes no messages any more: one that is put back goes to another worker."""
        return self._words[_CONSUMER_STOPPED] != 0

    def stop_consumer(self) -> None:
        """Say that no more messages are taken."""
        self._words[_CONSUMER_STOPPED] = 1
