"""Every attack on the language layer fails, every honest program runs, and the host goes on."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from task_server.domain.actions import CodeAction
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.code import DEFAULT_LIMITS, CodeExecutor

CORPUS = Path(__file__).parent / "corpus"
ATTACKS = sorted((CORPUS / "sandbox").glob("*.py"))
PROGRAMS = sorted((CORPUS / "programs").glob("*.py"))
#: What an attack may come to. Anything else is a hole or a crash of ours.
BOUNDED = {
    FailureReason.EXCEPTION,
    FailureReason.TIMEOUT,
    FailureReason.MEMORY_LIMIT,
    FailureReason.CPU_LIMIT,
    FailureReason.OUTPUT_LIMIT,
    FailureReason.RESULT_TOO_LARGE,
    FailureReason.RESULT_NOT_JSON,
    FailureReason.CRASHED,
    FailureReason.CODE_REFUSED,
}
#: The columns of the table, by what a run ended with.
STOPPED_AT = dict.fromkeys(BOUNDED, "killed by a limit") | {
    FailureReason.CODE_REFUSED: "refused at compile",
    FailureReason.EXCEPTION: "raised at run time",
    FailureReason.RESULT_TOO_LARGE: "result refused",
    FailureReason.RESULT_NOT_JSON: "result refused",
}
COLUMNS = ("run", *sorted(set(STOPPED_AT.values())), "harmless", "through")
UNTOUCHED = "import json, math\ndef run():\n    return json.loads('[3]')[0] + math.sqrt(9)\n"
CANARY = "canary-of-the-environment"


@pytest.fixture(scope="module")
def executor():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TASKSEC_CANARY", CANARY)
        executor = CodeExecutor(limits=replace(DEFAULT_LIMITS, cpu_seconds=2))
        executor.warm_up()
        yield executor
        executor.close()


def outcome_of(executor, source, log=lambda _text: None):
    action = CodeAction(function_code=source, function_name="run")
    return executor.start(action, timeout=3.0, log=log).wait()


def header(path):
    lines = (line for line in path.read_text().splitlines() if line.startswith("# "))
    return dict(line[2:].split(": ", 1) for line in lines if ": " in line)


def in_python(path, monkeypatch):
    """What the program gives in Python itself, as JSON has it."""
    module = ModuleType("function_code")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(path.read_text(), path.name, "exec", dont_inherit=True), vars(module))
        return json.loads(json.dumps(vars(module)["run"]()))


@pytest.fixture(scope="module")
def table():
    """How many attacks of each class came to what."""
    return defaultdict(Counter)


def test_the_corpus_is_there():
    assert len(ATTACKS) > 200
    assert len(PROGRAMS) > 65


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_an_honest_program_runs(executor, path):
    outcome = outcome_of(executor, path.read_text())
    assert outcome.status is ExecutionStatus.SUCCESS, outcome


@pytest.mark.parametrize("path", [path for path in PROGRAMS if path.stem[0] != "0"], ids=lambda path: path.stem)
def test_an_honest_program_gives_what_it_gives_in_python(executor, path, monkeypatch):
    expected = in_python(path, monkeypatch)
    assert json.loads(outcome_of(executor, path.read_text()).result_json) == expected


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_an_attack_fails(executor, table, path):
    attack = header(path)
    assert attack["layer"] == "language"
    seen = []
    outcome = outcome_of(executor, path.read_text(), log=seen.append)

    row = table[attack["class"]]
    row["run"] += 1
    came_through = "PWNED" in (outcome.result_json or "")
    row["through" if came_through else STOPPED_AT.get(outcome.failure_reason, "harmless")] += 1

    everything = f"{outcome.result_json}{outcome.error}{outcome.traceback}{''.join(seen)}"
    assert not came_through
    assert CANARY not in everything
    assert "<class 'type'>" not in everything
    assert len(everything) < 2_200_000
    if outcome.status is ExecutionStatus.FAILURE:
        assert outcome.failure_reason in BOUNDED, outcome
        assert outcome.error
    else:
        assert outcome.status is ExecutionStatus.SUCCESS
    # And the next one is not touched by it.
    assert outcome_of(executor, UNTOUCHED).result_json == "6.0"


def test_what_the_attacks_came_to(table, capsys):
    with capsys.disabled():
        print(f"\n{'class':<12}" + "".join(f"{column:>20}" for column in COLUMNS))
        for name, row in [*sorted(table.items()), ("all", sum(table.values(), Counter()))]:
            print(f"{name:<12}" + "".join(f"{row[column]:>20}" for column in COLUMNS))
    assert not any(row["through"] for row in table.values())


def test_a_seed_that_one_task_sets_is_not_the_next_ones(executor):
    seeded = (CORPUS / "sandbox" / "050-poison-global-random-seed.py").read_text()
    outcome_of(executor, seeded)
    values = {
        outcome_of(executor, "import random\ndef run():\n    return random.random()\n").result_json for _ in range(3)
    }
    assert len(values) == 3
