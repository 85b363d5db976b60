"""`python -I breach_zygote.py LAYERS RUNNER PARENT`: the real zygote, whose children wear only the named layers (`all`: all)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.security.breach_layers import BARE, worn

from task_server.sandbox import child, zygote

if __name__ == "__main__":
    child.LAYERS = worn(sys.argv[1])
    if sys.argv[1] == BARE:
        zygote.LENIENT = frozenset()
    zygote.main(sys.argv[2], int(sys.argv[3]), separate=sys.argv[1] == "all")
