"""`python -m tests.faults --seconds 600 --seed 1 --database sqlite`: run, print the matrix, exit 1 when an invariant is broken."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults import invariants, report
from tests.faults.options import Options
from tests.faults.run import run


def _end(*_: object) -> None:
    """At SIGTERM all that was started is ended too, as at an interrupt from the keyboard."""
    sys.exit(128 + signal.SIGTERM)


def _give_up(*_: object) -> None:
    """What hangs is ended, and told with where it hung."""
    raise TimeoutError("the run did not settle in time")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=sys.modules["tests.faults"].__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long load and faults go on")
    parser.add_argument("--seed", type=int, default=1, help="what the load and the faults follow from")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--short", action="store_true", help="short leases and outages, many faults at once")
    parser.add_argument("--directory", type=Path, help="keep logs, database and evidence there, also of a good run")
    arguments = parser.parse_args()
    make = Options.short if arguments.short else Options
    options = make(seed=arguments.seed, seconds=arguments.seconds, database=arguments.database)
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="task-manager-faults-"))
    directory.mkdir(exist_ok=True)
    print(f"to replay: {options.command}", flush=True)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, options.longest_seconds)
    facts = run(options, directory)
    broken = invariants.broken(facts)
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    print(report.markdown(facts, broken))
    print(f"{len(invariants.INVARIANTS) - len(broken)} of {len(invariants.INVARIANTS)} invariants hold")
    if broken:
        print(report.particulars(broken))
        print(f"logs, database and evidence are in {directory}")
        return 1
    if arguments.directory is None:
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
