"""The broker's queues of one queue of ours.

All messages go to the queue itself, which all its workers serve. One that a worker may not follow, since its cage does not hold for
code, it hands on to the queue's code lane, which only those serve that run code: so the next of them has it at once, and where
there is none it waits there, and goes round between nobody.
"""

from __future__ import annotations


def code_lane(queue: str) -> str:
    """Where messages of code wait that were handed on. No caller's queue has that name: theirs have no colon."""
    return f"{queue}:code"
