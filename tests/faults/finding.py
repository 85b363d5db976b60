"""What a check says of a run."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that should not be. `task_id` is empty where it is of no one task."""

    what: str
    task_id: str = ""
