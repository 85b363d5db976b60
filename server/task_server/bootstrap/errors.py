"""What keeps a process or a command from starting."""

from __future__ import annotations


class StartError(Exception):
    """A process can not start. The message is one line that says why and what to do."""
