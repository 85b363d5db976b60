"""`python -m tests.fuzz --seconds 600 --seed 1`: fuzz a service of its own, print what came of it, exit 1 when anything broke."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.acceptance.acceptance_stack import Stack
from tests.fuzz.campaign import SETTINGS, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=sys.modules["tests.fuzz"].__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long calls are made")
    parser.add_argument("--seed", type=int, default=1, help="what the calls follow from")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="task-manager-fuzz-") as directory:
        stack = Stack(Path(directory), **SETTINGS)
        try:
            stack.start()
            report = run(stack, arguments.seconds, arguments.seed)
        finally:
            stack.close()
    print(f"{report.calls.total():,} calls in {arguments.seconds:g} s, seed {arguments.seed}")
    for name, count in sorted(report.calls.items()):
        print(f"  {name:<32} {count:>8,}")
    for role, (first, last) in report.memory.items():
        print(f"  {role:<12} {first / 2**20:.0f} -> {last / 2**20:.0f} MiB")
    for line in report.wrong:
        print(line)
    print(f"{len(report.wrong)} findings")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
