"""The supervisor, with real children: shell one-liners."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from task_server.embedded.child import Child, ChildSpec
from task_server.embedded.errors import StackError
from task_server.embedded.supervisor import Supervisor

SOON = 0.01
LIMIT = 30.0


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as supervisor:
        yield supervisor


def shell(name: str, script: str, *, stop_seconds: float = LIMIT, restart: bool = True) -> ChildSpec:
    return ChildSpec(
        name=name, argv=("/bin/sh", "-c", script), env=dict(os.environ), stop_seconds=stop_seconds, restart=restart
    )


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_child_that_ends_is_started_again_each_time_later_and_it_says_so(
    supervisor: Supervisor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    starts = tmp_path / "starts"
    supervisor.settled = True
    supervisor.start(shell("crasher", f"date +%s.%N >> {starts}; exit 3"))

    assert supervisor.wait(lambda: len(lines(starts)) == 4, SOON, LIMIT)

    times = [float(line) for line in lines(starts)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] >= 0.2
    assert gaps[1] >= 0.4
    assert gaps[2] >= 0.8
    said = [record.getMessage() for record in caplog.records]
    assert any("crasher ended with status 3" in line and "starting it again in 0.2 s" in line for line in said)
    assert "crasher started again" in said


def test_the_wait_doubles_up_to_ten_seconds_and_starts_over_after_a_good_run() -> None:
    child = Child(shell("any", "true"), started_at=100.0)
    assert [child.delay(101.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert child.delay(130.0) == 0.2


def test_a_child_killed_by_a_signal_is_started_again_while_the_stack_starts(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    supervisor.start(shell("victim", f"echo $$ >> {starts}; sleep 60 & wait"))
    assert supervisor.wait(lambda: len(lines(starts)) == 1, SOON, LIMIT)
    os.kill(int(lines(starts)[0]), signal.SIGKILL)
    assert supervisor.wait(lambda: len(lines(starts)) == 2, SOON, LIMIT)


@pytest.mark.parametrize("status", [1, 2])
def test_a_child_that_refuses_to_start_fails_the_start(supervisor: Supervisor, status: int) -> None:
    supervisor.start(shell("server", f"exit {status}"))
    with pytest.raises(StackError, match="server could not start"):
        supervisor.wait(lambda: False, SOON, LIMIT)


def test_a_child_that_runs_once_is_not_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    once = supervisor.start(shell("prepare", f"echo x >> {starts}; exit 1", restart=False))
    assert supervisor.wait(lambda: once.status is not None, SOON, LIMIT)
    assert (once.status, once.restart_at, lines(starts)) == (1, None, ["x"])


def test_a_program_that_is_not_there_is_said_by_name(supervisor: Supervisor, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(StackError, match=r"broker can not be started: .*missing: No such file"):
        supervisor.start(ChildSpec(name="broker", argv=(missing,), env={}, stop_seconds=1.0))
    supervisor.stop([["broker"]])


def test_a_start_that_takes_too_long_names_who_is_down(supervisor: Supervisor) -> None:
    supervisor.start(shell("server", "kill -9 $$"))
    with pytest.raises(StackError, match=r"not serving after 0\.05 s; not running: server"):
        supervisor.wait(lambda: False, SOON, 0.05)


def test_children_are_stopped_group_after_group(supervisor: Supervisor, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    for name in ("broker", "server", "gateway"):
        supervisor.start(
            shell(
                name, f"trap 'sleep 0.05; echo {name} >> {ends}; exit 0' TERM; touch {tmp_path}/{name}; sleep 60 & wait"
            )
        )
    assert supervisor.wait(lambda: len(list(tmp_path.iterdir())) == 3, SOON, LIMIT)

    supervisor.stop([["gateway"], ["server"], ["broker"]])

    assert lines(ends) == ["gateway", "server", "broker"]
    assert not any(child.running for child in supervisor.children.values())
    assert all(child.restart_at is None for child in supervisor.children.values())


def test_a_child_that_outlasts_its_limit_is_killed_with_all_it_started(
    supervisor: Supervisor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pids = tmp_path / "pids"
    supervisor.start(
        shell("worker", f"trap '' TERM; sleep 60 & echo $! >> {pids}; echo $$ >> {pids}; wait", stop_seconds=0.2)
    )
    assert supervisor.wait(lambda: len(lines(pids)) == 2, SOON, LIMIT)
    watched = [os.pidfd_open(int(pid)) for pid in lines(pids)]

    supervisor.stop([["worker"]])

    assert "worker did not end in time; killing it" in caplog.text
    for fd in watched:
        assert select.select([fd], [], [], LIMIT)[0]
        os.close(fd)


def test_a_second_stop_signal_hastens(supervisor: Supervisor, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    # At each SIGTERM of its own it sends the supervisor another one, and then goes on as if nothing had been asked.
    supervisor.start(
        shell(
            "worker",
            f"trap 'kill -TERM $PPID' TERM; touch {ready}; while :; do sleep 60 & wait; done",
            stop_seconds=600,
        )
    )
    assert supervisor.wait(ready.exists, SOON, LIMIT)
    os.kill(os.getpid(), signal.SIGTERM)
    supervisor.run()
    begun = time.monotonic()

    supervisor.stop([["worker"]])

    # The second was passed on, and so answered with a third.
    assert supervisor.stop_signals == 3
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_the_start(supervisor: Supervisor, number: signal.Signals) -> None:
    supervisor.start(shell("sender", f"kill -{number.value} $PPID; sleep 60"))
    assert not supervisor.wait(lambda: False, every=LIMIT, limit=LIMIT)


def test_ctrl_c_at_the_terminal_does_not_reach_the_children(supervisor: Supervisor) -> None:
    child = supervisor.start(shell("server", "sleep 60"))
    assert child.process is not None
    assert os.getpgid(child.process.pid) == child.process.pid != os.getpgid(0)


def test_the_handlers_of_before_are_back_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    with Supervisor():
        assert signal.getsignal(signal.SIGINT) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)] == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_children_end_when_the_supervisor_is_killed() -> None:
    program = (
        "from task_server.embedded.supervisor import Supervisor\n"
        "from task_server.embedded.child import ChildSpec\n"
        "with Supervisor() as supervisor:\n"
        "    child = supervisor.start(ChildSpec(name='c', argv=('sleep', '600'), env={'PATH': '/bin'}, stop_seconds=1))\n"
        "    print(child.process.pid, flush=True)\n"
        "    supervisor.run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
    assert select.select([child], [], [], LIMIT)[0]
    os.close(child)
