"""`make demo`: the program that people run first."""

from __future__ import annotations

import re
import subprocess
import sys

from acceptance_stack import BARE
from tests.readme_pages import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = BARE | {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90
    )


def test_every_task_does_what_it_should() -> None:
    ended = run("examples/demo.py")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    marks = re.findall(r"^│ (.) │ (\S.*?) +│", ended.stdout, re.MULTILINE)
    assert dict.fromkeys(name for _, name in marks) == dict.fromkeys(
        ["sales summary", "broken sales", "order", "reminder", "heartbeat", "endless loop"]
    )
    assert {mark for mark, _ in marks} == {"✓"}
    # Live, in order: the watch saw the run begin before it saw its end.
    assert re.search(r"order +PENDING\n(.*\n)*.*order +STARTED\n(.*\n)*.*order +SUCCESS\n", ended.stdout)


def test_a_task_that_does_something_else_fails_the_demo() -> None:
    spoilt = "demo.REMIND = 'def remind(who, about): return 1'"
    ended = run("-c", f"import sys; sys.path.insert(0, 'examples'); import demo; {spoilt}; sys.exit(demo.main())")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert re.search(r"^│ ✗ │ reminder", ended.stdout, re.MULTILINE)
    assert ended.stdout.endswith("Stopped. Not everything was as it should be.\n")
