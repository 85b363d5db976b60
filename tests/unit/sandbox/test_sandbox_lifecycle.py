"""Stopping, killing, dying, starting again: nothing hangs and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from task_server.sandbox.ending import Cause, SandboxUnavailable
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.limits import Limits
from task_server.sandbox.supervisor import Supervisor

SLEEPER = "import time\ndef run():\n    print('up')\n    time.sleep(60)\n"
LIMITS = Limits(wall_seconds=30.0)


@pytest.fixture
def supervisor():
    supervisor = Supervisor(RUNNER)
    yield supervisor
    supervisor.close()


def start(supervisor, source=SLEEPER, limits=LIMITS):
    """A run, the thread that waits for it, what it ends with, and an event that its first output sets."""
    up = threading.Event()
    endings = []
    run = supervisor.start(call_job(source, "run", [], {}), limits, log=lambda _text: up.set())
    thread = threading.Thread(target=lambda: endings.append(run.wait()))
    thread.start()
    return run, thread, endings, up


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_stop_ends_a_run_and_its_outcome_is_given_when_it_is_dead(supervisor):
    run, thread, endings, up = start(supervisor)
    assert up.wait(60)

    run.stop()
    thread.join(60)

    assert [(ending.cause, ending.exit_signal) for ending in endings] == [(Cause.STOPPED, signal.SIGTERM)]
    assert children_of(supervisor.zygote_pid) == []


def test_a_stop_before_anyone_waits_counts(supervisor):
    run = supervisor.start(call_job(SLEEPER, "run", [], {}), LIMITS, log=lambda _text: None)
    run.stop()

    assert run.wait().cause is Cause.STOPPED


def test_a_kill_gives_no_grace(supervisor):
    run, thread, endings, up = start(supervisor)
    assert up.wait(60)

    run.kill()
    run.kill()
    thread.join(60)

    assert [(ending.cause, ending.exit_signal) for ending in endings] == [(Cause.STOPPED, signal.SIGKILL)]


def start_deaf(stop_grace):
    """A run whose child does not hear what asks it to end, as one that broke out might not: the signal is blocked."""
    supervisor = Supervisor(RUNNER, stop_grace=stop_grace)
    # Inherited by all that is started meanwhile.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        supervisor.warm_up()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    run, thread, endings, up = start(supervisor)
    assert up.wait(60)
    return supervisor, run, thread, endings


def test_a_child_that_does_not_hear_the_asking_is_killed_after_its_grace():
    supervisor, run, thread, endings = start_deaf(stop_grace=0.5)
    began = time.monotonic()
    run.stop()
    thread.join(60)
    took = time.monotonic() - began
    supervisor.close()

    assert [(ending.cause, ending.exit_signal) for ending in endings] == [(Cause.STOPPED, signal.SIGKILL)]
    assert took >= 0.5


def test_a_kill_cuts_the_grace_short():
    supervisor, run, thread, endings = start_deaf(stop_grace=60)
    run.stop()
    thread.join(0.3)
    assert thread.is_alive()
    run.kill()
    thread.join(60)
    supervisor.close()

    assert [(ending.cause, ending.exit_signal) for ending in endings] == [(Cause.STOPPED, signal.SIGKILL)]


@pytest.mark.parametrize("caught", ["BaseException", "SystemExit"])
def test_code_that_catches_everything_dies_of_the_first_asking(supervisor, caught):
    source = (
        "import time\ndef run():\n    print('up')\n    while True:\n        try:\n            time.sleep(60)\n"
        f"        except {caught}:\n            pass\n"
    )
    run, thread, endings, up = start(supervisor, source)
    assert up.wait(60)
    run.stop()
    thread.join(60)

    assert [(ending.cause, ending.exit_signal) for ending in endings] == [(Cause.STOPPED, signal.SIGTERM)]


def test_a_stop_after_the_end_changes_nothing(supervisor):
    run = supervisor.start(call_job("def run():\n    return 1\n", "run", [], {}), LIMITS, log=lambda _text: None)
    first = run.wait()
    run.stop()
    run.stop()

    assert run.wait() is first
    assert first.cause is Cause.COMPLETED


def test_many_stops_from_many_threads_are_one_stop(supervisor):
    run, thread, endings, up = start(supervisor)
    assert up.wait(60)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            pool.submit(run.stop)
    thread.join(60)

    assert [ending.cause for ending in endings] == [Cause.STOPPED]


def test_runs_in_flight_are_lost_with_their_zygote_and_the_next_one_gets_another(supervisor):
    flights = [start(supervisor) for _ in range(3)]
    assert all(up.wait(60) for _, _, _, up in flights)
    first = supervisor.zygote_pid
    pids = [int(pid) for pid in children_of(first)]
    assert len(pids) == 3

    os.kill(first, signal.SIGKILL)
    for _, thread, _, _ in flights:
        thread.join(60)

    assert [endings[0].cause for _, _, endings, _ in flights] == [Cause.LOST] * 3
    # They have closed all they held, which a process does while it exits; the last state change is the kernel's.
    _wait_until(lambda: not any(_is_alive(pid) for pid in pids))
    ending = supervisor.start(call_job("def run():\n    return 1\n", "run", [], {}), LIMITS, lambda _text: None).wait()
    assert ending.result == b"1"
    assert supervisor.zygote_pid != first


def test_a_zygote_that_no_longer_works_is_replaced_and_nothing_hangs(supervisor, monkeypatch):
    monkeypatch.setattr("task_server.sandbox.child_run._KILL_SECONDS", 0.5)
    _, thread, endings, up = start(supervisor, limits=Limits(wall_seconds=1.0))
    assert up.wait(60)
    frozen = supervisor.zygote_pid

    os.kill(frozen, signal.SIGSTOP)
    thread.join(20)

    assert [ending.cause for ending in endings] == [Cause.WALL]
    ending = supervisor.start(call_job("def run():\n    return 1\n", "run", [], {}), LIMITS, lambda _text: None).wait()
    assert ending.result == b"1"


def test_closing_ends_what_still_runs(supervisor):
    _, thread, endings, up = start(supervisor)
    assert up.wait(60)

    supervisor.close()
    thread.join(60)

    assert [ending.exit_signal for ending in endings] == [signal.SIGKILL]
    with pytest.raises(SandboxUnavailable, match="closed"):
        start(supervisor)


def test_everything_dies_with_the_process_that_asked_for_it():
    program = f"""
import threading
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.limits import Limits
from task_server.sandbox.supervisor import Supervisor
supervisor = Supervisor(RUNNER)
run = supervisor.start(call_job({SLEEPER!r}, "run", [], {{}}), Limits(wall_seconds=30.0),
                       lambda _text: print(supervisor.zygote_pid, flush=True))
run.wait()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        zygote = int(process.stdout.readline())
        (child,) = map(int, children_of(zygote))
        process.kill()
    _wait_until(lambda: not _is_alive(zygote) and not _is_alive(child))


def test_a_zygote_is_renewed_and_what_still_runs_in_the_old_one_goes_on():
    supervisor = Supervisor(RUNNER, renew_after=5)
    run, thread, endings, up = start(supervisor)
    assert up.wait(60)
    first = supervisor.zygote_pid

    def once(number):
        job = call_job("def run(n):\n    return n\n", "run", [number], {})
        return supervisor.start(job, LIMITS, lambda _text: None).wait().result == str(number).encode()

    with ThreadPoolExecutor(4) as pool:
        numbers = iter(range(10_000))
        while supervisor.zygote_pid == first:
            assert all(pool.map(once, [next(numbers) for _ in range(8)]))
        # While one takes over from the other, again and again, none is lost.
        assert all(pool.map(once, range(200)))

    assert supervisor.zygote_pid != first
    assert _is_alive(first)
    assert endings == []
    run.stop()
    thread.join(60)
    assert [ending.cause for ending in endings] == [Cause.STOPPED]
    _wait_until(lambda: not _is_alive(first))
    last = supervisor.zygote_pid
    supervisor.close()
    assert not _is_alive(last)


def test_closing_ends_what_runs_in_a_zygote_that_was_renewed():
    supervisor = Supervisor(RUNNER, renew_after=1)
    _, thread, endings, up = start(supervisor)
    assert up.wait(60)
    first = supervisor.zygote_pid
    _wait_until(lambda: supervisor.zygote_pid != first)

    supervisor.close()
    thread.join(60)

    assert [ending.exit_signal for ending in endings] == [signal.SIGKILL]
    assert not _is_alive(first)


def test_zygotes_differ_in_what_their_children_share():
    supervisor = Supervisor(RUNNER, renew_after=1)
    # The order of a set of texts is that of their hashes.
    source = "def run():\n    return list({str(n) for n in range(100)})\n"
    seen = []
    supervisor.warm_up()
    for _ in range(2):
        before = supervisor.zygote_pid
        seen.append(supervisor.start(call_job(source, "run", [], {}), LIMITS, lambda _text: None).wait().result)
        _wait_until(lambda before=before: supervisor.zygote_pid != before)
    supervisor.close()
    assert None not in seen
    assert seen[0] != seen[1]


def test_neither_the_supervisors_memory_nor_the_zygotes_is_for_others_of_their_user(supervisor):
    supervisor.warm_up()
    # Not dumpable: what is in /proc belongs to root, whoever runs this.
    for pid in ("self", supervisor.zygote_pid):
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def test_an_unknown_runner_is_said_to_be_unavailable(capfd):
    supervisor = Supervisor("task_server.sandbox.no_such_runner")
    with pytest.raises(SandboxUnavailable, match="ended while it started"):
        supervisor.warm_up()
    supervisor.close()
    assert "no_such_runner" in capfd.readouterr().err


def test_what_the_log_raises_comes_out_and_the_child_is_killed(supervisor):
    def broken_log(_text):
        raise RuntimeError("the log is full")

    run = supervisor.start(call_job(SLEEPER, "run", [], {}), LIMITS, log=broken_log)
    with pytest.raises(RuntimeError, match="the log is full"):
        run.wait()
    _wait_until(lambda: children_of(supervisor.zygote_pid) == [])


def test_a_large_job_and_many_runs_at_once_leak_nothing(supervisor):
    source = "def run(numbers):\n    print(len(numbers))\n    return numbers[-1]\n"

    def once(number):
        numbers = list(range(number, number + 1000 + 200 * (number % 40)))
        ending = supervisor.start(call_job(source, "run", [numbers], {}), LIMITS, log=lambda _text: None).wait()
        return ending.result == str(numbers[-1]).encode()

    once(0)
    ours, its, threads = _descriptors("self"), _descriptors(supervisor.zygote_pid), threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(once, range(300)))

    assert (_descriptors("self"), threading.active_count()) == (ours, threads)
    # It closes its end of a report socket a moment after it has reported.
    _wait_until(lambda: _descriptors(supervisor.zygote_pid) <= its)
    assert children_of(supervisor.zygote_pid) == []


def test_the_zygote_has_no_environment_and_no_descriptor_of_ours(supervisor, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        supervisor.warm_up()
    pid = supervisor.zygote_pid
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{pid}/environ").read_bytes()
        return

    assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
    open_files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not any("secret" in name for name in open_files)
    assert len(os.listdir(f"/proc/{pid}/task")) == 1


def _descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        # A zygote is private: only root sees what it has.
        assert pid != "self"
        assert os.geteuid() != 0
        return 0


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
