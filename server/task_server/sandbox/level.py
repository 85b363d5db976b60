"""How well a child is kept apart, in one word: a ladder over the layers that hold."""

from __future__ import annotations

from collections.abc import Collection

NONE = "none"
PROCESS = "process"
STRICT = "strict"
LANDLOCK = "strict+landlock"
NAMESPACES = "strict+landlock+ns"

#: Without these a child is not even one that can be ended.
PROCESS_LAYERS = frozenset({"process_group", "rlimits", "parent_death"})
#: What user code needs around it: privileges that can not come back, and a kernel that answers a list of calls only.
STRICT_LAYERS = PROCESS_LAYERS | {"no_new_privs", "seccomp"}

_LADDER = (
    (PROCESS, PROCESS_LAYERS),
    (STRICT, STRICT_LAYERS),
    (LANDLOCK, STRICT_LAYERS | {"landlock"}),
    (NAMESPACES, STRICT_LAYERS | {"landlock", "namespaces", "empty_root"}),
)


def level_of(layers: Collection[str]) -> str:
    """The highest level all of whose layers are among `layers`."""
    level = NONE
    for name, needed in _LADDER:
        if not needed <= set(layers):
            break
        level = name
    return level


def is_strict(level: str) -> bool:
    """Whether the code of people whom nobody knows may run at this level."""
    return level in (STRICT, LANDLOCK, NAMESPACES)
