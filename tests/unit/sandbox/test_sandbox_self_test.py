"""The self-test finds out what holds, also in a process that the kernel allows less to than usual."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from task_server.sandbox.checker import CodeChecker
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.limits import Limits
from task_server.sandbox.self_test import self_test
from task_server.sandbox.supervisor import Supervisor

PROJECT = Path(__file__).resolve().parents[3]
EXAMINE = """
import json
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.limits import Limits
from task_server.sandbox.self_test import self_test
from task_server.sandbox.supervisor import Supervisor
supervisor = Supervisor(RUNNER)
found = self_test(supervisor)
ending = supervisor.start(call_job("def run():\\n    return 1\\n", "run", [], {}), Limits(wall_seconds=9.0), print).wait()
supervisor.close()
lenient = Supervisor(RUNNER, lenient=True)
waived = lenient.start(call_job("def run():\\n    return 1\\n", "run", [], {}), Limits(wall_seconds=9.0), print).wait()
lenient.close()
print(json.dumps([found.level, found.layers, found.refusal, ending.cause.name, ending.detail, (waived.result or b"").decode()]))
"""


def examined_without(what):
    """What the self-test says in a process to which the kernel refuses something."""
    command = [sys.executable, "-m", "tests.refusing", what, sys.executable, "-c", EXAMINE]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_cage_holds_here():
    supervisor = Supervisor(RUNNER)
    found = self_test(supervisor)
    supervisor.close()

    assert found.refusal == ""
    assert found.level.startswith("strict")
    assert {"seccomp", "no_new_privs", "rlimits"} <= set(found.layers)


def test_without_filters_there_is_a_refusal_and_code_does_not_run_unless_it_is_lenient():
    level, layers, refusal, cause, detail, waived = examined_without("seccomp")

    assert level == "process"
    assert "seccomp" not in layers
    assert "no_new_privs" in layers
    assert refusal == "The cage is not complete: layer 'seccomp': prctl: Operation not permitted."
    assert (cause, detail) == ("UNCAGED", "layer 'seccomp': prctl: Operation not permitted")
    assert waived == "1"


def test_without_landlock_and_namespaces_it_is_strict_still():
    level, layers, refusal, cause, _, _ = examined_without("landlock,namespaces")

    assert (level, refusal, cause) == ("strict", "", "COMPLETED")
    assert not {"landlock", "namespaces", "empty_root"} & set(layers)


def test_namespaces_can_be_switched_off():
    supervisor = Supervisor(RUNNER, separate=False)
    found = self_test(supervisor)
    supervisor.close()

    assert found.refusal == ""
    assert not {"namespaces", "empty_root"} & set(found.layers)


def test_layers_that_hold_nothing_are_found_out(monkeypatch):
    command = (sys.executable, "-I", str(Path(__file__).with_name("hollow_zygote.py")))
    monkeypatch.setattr("task_server.sandbox.zygote_process._COMMAND", command)
    supervisor = Supervisor(RUNNER)
    found = self_test(supervisor)
    supervisor.close()

    assert found.level == "process"
    assert "seccomp" in found.layers
    assert found.refusal.startswith("The layers do not hold what they promise: a child could open a file, ")
    assert "make memory executable" in found.refusal


def test_no_zygote_is_a_refusal_too(monkeypatch):
    monkeypatch.setattr("task_server.sandbox.zygote_process._COMMAND", ("/no such program",))
    found = self_test(Supervisor(RUNNER))

    assert (found.level, found.layers) == ("none", ())
    assert found.refusal == (
        "No child can be started: the sandbox process can not be started: No such file or directory."
    )


def test_source_is_checked_under_the_same_layers(monkeypatch):
    checker = CodeChecker()
    seen = []
    usual = Supervisor.start

    def watched(self, *arguments, **options):
        run = usual(self, *arguments, **options)
        wait = run.wait
        monkeypatch.setattr(run, "wait", lambda: seen.append(wait()) or seen[-1])
        return run

    monkeypatch.setattr(Supervisor, "start", watched)
    assert checker.check("def run():\n    return 1\n", "run") == []
    checker.close()
    supervisor = Supervisor(RUNNER)
    run = usual(
        supervisor, call_job("def run():\n    return 1\n", "run", [], {}), Limits(wall_seconds=9.0), print
    ).wait()
    supervisor.close()
    assert [ending.layers for ending in seen] == [run.layers]
    assert "seccomp" in run.layers
