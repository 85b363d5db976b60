"""The sets of layers under which attacks are run, from few to all."""

from __future__ import annotations

from task_server.sandbox.layers import LAYERS, Layer

_FILTERS = frozenset({"landlock", "seccomp"})
#: What they take away, in the order of the table: the kernel's filters alone, one at a time, and everything.
SETS = {
    "process": _FILTERS,
    "landlock": _FILTERS - {"landlock"},
    "seccomp": _FILTERS - {"seccomp"},
    "all": frozenset(),
}

#: Where runs may start processes: what is left then is that the zygote adopts and kills.
BARE = "bare"
_KEPT_BARE = frozenset({"process_group", "uid", "parent_death"})


def worn(name: str) -> tuple[Layer, ...]:
    """The layers of a set, in their order."""
    if name == BARE:
        return tuple(layer for layer in LAYERS if layer.name in _KEPT_BARE)
    return tuple(layer for layer in LAYERS if layer.name not in SETS[name])
