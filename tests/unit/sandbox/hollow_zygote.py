"""A zygote whose children say that they wear filters and wear none."""

from __future__ import annotations

import sys

from task_server.sandbox import child, zygote
from task_server.sandbox.layers import LAYERS, Layer

child.LAYERS = tuple(
    Layer(layer.name, lambda _cell: True) if layer.name in ("landlock", "seccomp") else layer for layer in LAYERS
)
zygote.main(sys.argv[1], int(sys.argv[2]), separate=False)
