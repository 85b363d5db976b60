"""What a process and all below it use, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. `rss` counts shared pages once for each process, `pss` once in all."""

    rss: int
    pss: int


def pids(root: int) -> list[int]:
    """The process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = [root]
    for above in found:
        found += [pid for pid, parent in parents.items() if parent == above]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of one process so far, that of children that have ended included; 0 for one that is gone."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICK if fields else 0.0


def memory(root: int) -> Memory:
    """The memory of the process and all below it."""
    rss = pss = 0
    for pid in pids(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
        rss += sizes.get("Rss", 0)
        pss += sizes.get("Pss", 0)
    return Memory(rss, pss)


def role(root: int, name: str) -> int:
    """The process below `root` that runs `task-server NAME`."""
    for pid in pids(root):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"task_server" in words and name.encode() in words:
            return pid
    raise LookupError(name)


def _stat(pid: int) -> list[str]:
    try:
        # The program's name stands in brackets and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
