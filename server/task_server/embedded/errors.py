"""What keeps the one-machine stack from starting."""

from __future__ import annotations


class StackError(Exception):
    """The stack can not start or go on. The message is one line that names the cause and the mend."""
