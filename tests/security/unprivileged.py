"""`python -m tests.security.unprivileged MODULE ARGUMENT...`: runs a module as a user without privileges, also for root."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from task_server.sandbox import kernel

_USER = 10_001
_NEW_MOUNTS, _BIND, _RECURSIVE, _PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
#: What the user has to be able to read: the interpreter, what is installed for it, and this project.
_NEEDED = (Path(sys.base_prefix), Path(sys.prefix), Path(__file__).resolve().parents[2])


def main(arguments: list[str]) -> None:
    """Become that user and run the module. Does not return."""
    if os.geteuid() == 0:
        _open_the_way()
        os.setgroups([])
        os.setresgid(_USER, _USER, _USER)
        os.setresuid(_USER, _USER, _USER)
    os.execv(sys.executable, [sys.executable, "-m", *arguments])


def _open_the_way() -> None:
    """See to it, in mounts of our own, that no directory above what is needed is closed to others, as root's home is."""
    closed: dict[Path, list[Path]] = {}
    for needed in _NEEDED:
        for above in reversed(needed.parents):
            if not above.stat().st_mode & 0o001:
                closed.setdefault(above, []).append(needed)
                break
    if not closed:
        return
    kernel.unshare(_NEW_MOUNTS)
    kernel.mount("none", "/", None, _RECURSIVE | _PRIVATE)
    for above, below in closed.items():
        kept = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in below}
        kernel.mount("none", str(above), "tmpfs", 0, "size=1m,mode=0755")
        for path, descriptor in kept.items():
            path.mkdir(parents=True, exist_ok=True)
            kernel.mount(f"/proc/self/fd/{descriptor}", str(path), None, _BIND)
            os.close(descriptor)


if __name__ == "__main__":
    main(sys.argv[1:])
