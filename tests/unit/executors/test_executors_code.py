"""Code tasks, as a worker runs them."""

from __future__ import annotations

import threading

import pytest
from tests.unit.executors.calls import ATTEMPT

from task_server.domain.actions import CodeAction, HttpAction
from task_server.domain.outcome import Outcome
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.code import CodeExecutor
from task_server.executors.executor import EndedRun
from task_server.executors.executors import Executors
from task_server.executors.sandboxed_run import outcome_of
from task_server.sandbox.ending import Cause, ChildFailure, Ending
from task_server.sandbox.limits import Limits

LIMITS = Limits(wall_seconds=2.0)
REASONS = frozenset({FailureReason.EXCEPTION})


def run(executor, source, *args, timeout=20.0, log=lambda _text: None, **kwargs):
    action = CodeAction(function_code=source, function_name="run", args=list(args), kwargs=kwargs)
    return executor.start(action, timeout=timeout, log=log).wait()


def test_the_seeds_examples_run(code_executor):
    for source, name, expected in [
        ("def calculate():\n    return 1 + 2 * 3", "calculate", "7"),
        ("def hello_world():\n    return 'Hello World!'", "hello_world", '"Hello World!"'),
        ("def daily_report():\n    return '日报生成完成'", "daily_report", '"日报生成完成"'),
    ]:
        action = CodeAction(function_code=source, function_name=name)
        outcome = code_executor.start(action, timeout=20, log=lambda _text: None).wait()
        assert (outcome.status, outcome.result_json) == (ExecutionStatus.SUCCESS, expected)


def test_arguments_arrive_and_prints_become_the_log(code_executor):
    seen = []
    source = "def run(a, *rest, b=0, **more):\n    print('got', a, sep='=', end='!')\n    return [a, rest, b, more]\n"
    outcome = run(code_executor, source, {"x": [1.5]}, 2, b=2**70, c=None, log=seen.append)
    assert outcome.result_json == '[{"x":[1.5]},[2],1180591620717411303424,{"c":null}]'
    assert "".join(seen) == "got={'x': [1.5]}!"


def test_an_exception_is_the_users_own(code_executor):
    outcome = run(code_executor, "def run():\n    raise ValueError('bad')\n")
    assert (outcome.status, outcome.failure_reason) == (ExecutionStatus.FAILURE, FailureReason.EXCEPTION)
    assert outcome.error == "ValueError: bad"
    assert "line 2, in run" in outcome.traceback
    assert "task_server" not in outcome.traceback


def test_a_wrong_call_is_an_exception_too(code_executor):
    outcome = run(code_executor, "def run(a):\n    return a\n")
    assert outcome.failure_reason is FailureReason.EXCEPTION
    assert "missing 1 required positional argument" in outcome.error


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        ("def run():\n    while True: pass\n", FailureReason.TIMEOUT, "ran longer than its timeout of 0.4 s"),
        ("def run():\n    return 1 +\n", FailureReason.CODE_REFUSED, "line 2: syntax error"),
        ("def run():\n    return [0] * 10**9\n", FailureReason.MEMORY_LIMIT, "memory"),
        ("def run():\n    while True: print('x' * 9999)\n", FailureReason.OUTPUT_LIMIT, "more than 1048576 bytes"),
        ("def run():\n    return {1}\n", FailureReason.RESULT_NOT_JSON, "of type set"),
        ("def run():\n    return 'x' * 2**20\n", FailureReason.RESULT_TOO_LARGE, "1048576 bytes"),
    ],
)
def test_every_limit_has_its_reason_and_a_sentence(code_executor, source, reason, words):
    outcome = run(code_executor, source, timeout=0.4 if reason is FailureReason.TIMEOUT else 20.0)
    assert (outcome.status, outcome.failure_reason) == (ExecutionStatus.FAILURE, reason)
    assert words in outcome.error
    assert outcome.result_json is None


def test_a_stop_revokes(code_executor):
    up = threading.Event()
    action = CodeAction(
        function_code="import time\ndef run():\n    print('up')\n    time.sleep(60)\n", function_name="run"
    )
    run = code_executor.start(action, timeout=60, log=lambda _text: up.set())
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run.wait()))
    thread.start()
    assert up.wait(60)
    run.stop()
    thread.join(60)
    assert [(outcome.status, outcome.error) for outcome in outcomes] == [(ExecutionStatus.REVOKED, "")]


def test_a_closed_executor_fails_runs_instead_of_raising(caplog):
    executor = CodeExecutor()
    executor.close()
    outcome = run(executor, "def run(): pass\n")
    assert outcome.failure_reason is FailureReason.SANDBOX_UNAVAILABLE
    assert "closed" in caplog.text
    assert "closed" not in outcome.error


def completed(**fields):
    return Ending(cause=Cause.COMPLETED, layers=("a",), **fields)


@pytest.mark.parametrize(
    "text",
    [
        *(b"{", b"\xff", b"NaN", b"[" * 100_000, b"1" * 5_000, b"{'a': 1}"),
        # JSON, but none that could be answered to whoever asks for it.
        *(
            b"[1e999]",
            b"1" * 400 + b".0",
            b"-" + b"1" * 250 + b"e99",
            b'"\\ud800"',
            b'{"\\udc00": 1}',
            b"[" * 31 + b"]" * 31,
            b'{"a":' * 31 + b"[]" + b"}" * 31,
        ),
    ],
    ids=lambda text: repr(text[:9]),
)
def test_a_result_is_believed_only_when_it_is_json(text):
    outcome = outcome_of(completed(result=text), LIMITS, REASONS)
    assert outcome.failure_reason is FailureReason.RESULT_NOT_JSON
    assert outcome.result_json is None


@pytest.mark.parametrize(
    "text", [b"[" * 30 + b"]" * 30, b"[" + b"[{}]," * 99 + b"{}]", b'"\\u0000 \\\\ud800"', b"1e300"]
)
def test_a_result_that_can_be_answered_is_believed(text):
    assert outcome_of(completed(result=text), LIMITS, REASONS).result_json == text.decode()


def test_a_child_can_not_claim_what_only_the_worker_can_know(caplog):
    for reason in ("WORKER_LOST", "TIMEOUT", "nonsense"):
        outcome = outcome_of(completed(failure=ChildFailure(reason, "x", "")), LIMITS, REASONS)
        assert outcome.failure_reason is FailureReason.CRASHED
    assert "'WORKER_LOST'" in caplog.text


def test_an_uncaged_child_is_the_operators_business(caplog):
    outcome = outcome_of(Ending(cause=Cause.UNCAGED, detail="layer 'x': no"), LIMITS, REASONS)
    assert outcome.failure_reason is FailureReason.SANDBOX_UNAVAILABLE
    assert "layer 'x'" in caplog.text
    assert "layer" not in outcome.error


def test_a_child_that_went_down_with_its_zygote_is_not_the_tasks_fault():
    outcome = outcome_of(Ending(cause=Cause.LOST, detail="It died."), LIMITS, REASONS)
    assert (outcome.failure_reason, outcome.error) == (FailureReason.SANDBOX_UNAVAILABLE, "It died.")


def test_each_action_goes_to_its_executor():
    class Recorder:
        def __init__(self):
            self.started, self.closed = [], False

        def start(self, action, *, timeout, log, attempt=None, sealed=()):
            self.started.append((action, timeout, attempt))
            return EndedRun(Outcome(status=ExecutionStatus.SUCCESS))

        def close(self):
            self.closed = True

    code, http = Recorder(), Recorder()
    executors = Executors(code=code, http=http)
    actions = [CodeAction(function_code="", function_name="f"), HttpAction(url="http://x/")]
    for action in actions:
        run = executors.start(action, attempt=ATTEMPT, timeout=3, log=print)
        run.stop()
        assert run.wait().status is ExecutionStatus.SUCCESS
    executors.close()

    assert (code.started, http.started) == ([(actions[0], 3, None)], [(actions[1], 3, ATTEMPT)])
    assert code.closed
    assert http.closed


def test_the_receipt_has_the_limits_that_the_kernel_was_given(code_executor):
    # The executor allows more processor time than a run of 20 s can ever use.
    outcome = run(code_executor, "def run():\n    return 1\n", timeout=20.0)
    assert (outcome.isolation.limits.wall_seconds, outcome.isolation.limits.cpu_seconds) == (20.0, 21)
