"""What a run may use, and what becomes of one that wants more."""

from __future__ import annotations

import os
import time

import pytest

from task_server.sandbox.ending import Cause
from task_server.sandbox.limits import MIB, Limits


def test_a_run_that_ends_by_itself_is_measured_and_has_its_layers(sandbox):
    ending = sandbox.run("def run(x):\n    return x + 1\n", 41)

    assert (ending.cause, ending.result, ending.exit_signal) == (Cause.COMPLETED, b"42", 0)
    assert 0 < ending.cpu_seconds < 5
    assert 4 * MIB < ending.peak_memory_bytes < 256 * MIB
    assert {"process_group", "rlimits", "parent_death", "no_new_privs"} <= set(ending.layers)
    assert ("uid" in ending.layers) == (os.geteuid() == 0)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time; time.sleep(10 ** 6)",
        "import itertools; sum(itertools.repeat(1))",
        "7 ** 10 ** 9",
    ],
)
def test_a_run_longer_than_the_wall_clock_is_killed(sandbox, body):
    started = time.monotonic()
    ending = sandbox.run(f"def run():\n    {body}\n", wall_seconds=0.3)

    assert (ending.cause, ending.exit_signal) == (Cause.WALL, 9)
    assert 0.3 <= time.monotonic() - started < 20


def test_what_catches_everything_is_killed_too(sandbox):
    source = """
def run():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
    assert sandbox.run(source, wall_seconds=0.3).cause is Cause.WALL


def test_processor_time_is_limited_apart_from_the_clock(sandbox):
    ending = sandbox.run("def run():\n    while True: pass\n", cpu_seconds=1)

    assert (ending.cause, ending.exit_signal) == (Cause.CPU, 24)
    # The kernel counts the limit in ticks and the usage exactly.
    assert 0.5 <= ending.cpu_seconds < 3


@pytest.mark.parametrize("body", ["return [0] * 10 ** 9", "return (1 << 10 ** 11).bit_length()"])
def test_memory_is_limited(sandbox, body):
    assert sandbox.failure(f"def run():\n    {body}\n")[0] == "MEMORY_LIMIT"


def test_memory_that_is_filled_slowly_is_limited(sandbox):
    ending = sandbox.run("def run():\n    x = [0]\n    while True:\n        x = x + x\n")

    assert ending.failure is not None
    assert ending.failure.reason == "MEMORY_LIMIT"
    assert ending.peak_memory_bytes < 300 * MIB


def test_output_is_limited_and_what_fits_is_kept(sandbox):
    seen = []
    ending = sandbox.run("def run():\n    while True: print('é' * 1000)\n", log=seen.append, output_bytes=10_001)

    assert ending.cause is Cause.OUTPUT
    assert len("".join(seen).encode()) == 10_001 - 1  # the limit falls into the middle of a character
    assert set("".join(seen)) == {"é", "\n"}


def test_output_up_to_the_limit_is_fine(sandbox):
    seen = []
    ending = sandbox.run("def run():\n    print('x' * 99_999)\n", log=seen.append, output_bytes=100_000)

    assert ending.cause is Cause.COMPLETED
    assert "".join(seen) == "x" * 99_999 + "\n"


def test_a_result_is_limited(sandbox):
    assert sandbox.failure("def run():\n    return 'x' * 1_048_575\n")[0] == "RESULT_TOO_LARGE"
    assert sandbox.value("def run():\n    return 'x' * 1_048_574\n") == "x" * 1_048_574


def test_a_crash_of_the_interpreter_is_a_crash_of_the_run_only(sandbox):
    source = "def run():\n    t = ()\n    for i in range(1_500_000):\n        t = (t,)\n    return hash(t)\n"
    ending = sandbox.run(source, memory_bytes=512 * MIB)

    assert (ending.cause, ending.exit_signal, ending.detail) == (Cause.CRASHED, 11, "The run died of signal SIGSEGV.")
    assert sandbox.value("def run():\n    return 1\n") == 1


def test_what_is_printed_arrives_while_the_run_goes_on(sandbox):
    run = None

    def stop_at_first_line(text):
        assert text == "started\n"
        run.stop()

    source = "import time\ndef run():\n    print('started')\n    time.sleep(60)\n"
    run = sandbox.start(source, log=stop_at_first_line)
    started = time.monotonic()

    assert run.wait().cause is Cause.STOPPED
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "wrong",
    [{"wall_seconds": 0}, {"wall_seconds": -1}, {"cpu_seconds": 0}, {"memory_bytes": 1}, {"output_bytes": 0}],
)
def test_limits_under_which_nothing_runs_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**{"wall_seconds": 1.0, **wrong})
