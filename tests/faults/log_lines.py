"""Entries of the processes' logs that tell of a defect."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from tests.faults.process import Process

_HEAD = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (?P<level>\w+) ", re.MULTILINE)
_TELLS = re.compile(r"^Traceback |\w+Warning: ", re.MULTILINE)
_SHOWN = 400

#: What is logged as an error and is right, each with its reason.
EXPECTED: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"health is NOT_SERVING"), "an operator is to see that the database is away"),
    (re.compile(r"Cannot connect to redis\S* .*Trying again"), "an operator is to see that the broker is away"),
    (re.compile(r"the sandbox process ended while it started"), "the zygote was killed once more as it came up"),
    (
        re.compile(r"TypeError\(.execute\(\) (takes|missing)"),
        "a forged message with other arguments, dropped and told of",
    ),
    (
        re.compile(r"celery\.worker\.consumer\.consumer: (Can't decode message body|Received unregistered task)"),
        "an operator is to see that somebody else writes to the queue",
    ),
]


def defects(process: Process) -> Iterator[str]:
    """The entries of a process that nothing accounts for, shortened."""
    said = process.said() if process.log.exists() else ""
    heads = list(_HEAD.finditer(said))
    # What is written before the first entry, or by a process that has no log yet, is an entry too.
    starts = [0, *(head.start() for head in heads), len(said)]
    levels = ["", *(head["level"] for head in heads)]
    for level, (start, end) in zip(levels, itertools.pairwise(starts), strict=True):
        entry = said[start:end].strip()
        tells = level in ("ERROR", "CRITICAL") or _TELLS.search(entry)
        if tells and not any(pattern.search(entry) for pattern, _ in EXPECTED):
            first, *rest = entry.splitlines()
            yield f"{process.name}: {first[:_SHOWN]}" + (f" ... {rest[-1][:_SHOWN]}" if rest else "")
