"""Calls that block, in programs whose threads are greenlets and in those whose threads are not."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from task_manager.native_thread import in_native_thread

_GEVENT = "from gevent import monkey, spawn; monkey.patch_all()"
_EVENTLET = "import eventlet; eventlet.monkey_patch(); from eventlet import spawn"


def run(code: str) -> str:
    # eventlet's import says that it is deprecated.
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("patch", [_GEVENT, _EVENTLET], ids=["gevent", "eventlet"])
def test_greenlets_run_while_a_call_blocks(patch: str) -> None:
    code = f"""
{patch}
import posix
from task_manager.native_thread import in_native_thread
here, there = posix.pipe()
# Neither of them knows of this reading, which ends when the greenlet has run.
spawn(posix.write, there, b"greenlets run")
print(in_native_thread(lambda: posix.read(here, 100)))
"""
    assert run(code) == "b'greenlets run'\n"


@pytest.mark.parametrize("patch", [_GEVENT, _EVENTLET], ids=["gevent", "eventlet"])
def test_what_a_call_raises_is_the_callers_and_is_printed_nowhere(patch: str) -> None:
    code = f"""
{patch}
from task_manager.native_thread import in_native_thread
try:
    in_native_thread(lambda: 1 / 0)
except ZeroDivisionError as error:
    print(error)
"""
    assert run(code) == "division by zero\n"


@pytest.mark.parametrize("patch", [_GEVENT, _EVENTLET], ids=["gevent", "eventlet"])
def test_where_no_thread_can_begin_the_call_is_made_all_the_same(patch: str) -> None:
    # As at the end of a process on some Pythons.
    code = f"""
{patch}
from gevent import threadpool
from eventlet import tpool
from task_manager.native_thread import in_native_thread
def refuse(*_, **__):
    raise RuntimeError("can't start new thread")
threadpool.start_new_thread = tpool.threading.Thread.start = refuse
print(in_native_thread(lambda: "made"))
"""
    assert run(code) == "made\n"


def test_elsewhere_it_is_made_where_it_stands() -> None:
    assert in_native_thread(threading.get_ident) == threading.get_ident()
