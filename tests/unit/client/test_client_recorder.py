from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from client_harness import LoopbackServer, Servicer, refuse
from google.rpc.error_details_pb2 import BadRequest

from task_manager import TaskClient
from task_manager.recorder import Recorder
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import BatchReportExecutionsResponse, ExecutionReport
from task_manager.values import to_python

# ruff: noqa: N802 - gRPC's names

Answer = Callable[[list[ExecutionReport], grpc.ServicerContext], None]


class Reports(Servicer):
    """Keeps what is reported. `answer` may refuse a batch first."""

    def __init__(self, answer: Answer = lambda *_: None) -> None:
        self.answer = answer
        self.calls: list[list[str]] = []
        self.taken: list[ExecutionReport] = []
        self._came = threading.Condition()

    def BatchReportExecutions(self, request: Any, context: Any) -> BatchReportExecutionsResponse:
        with self._came:
            self.calls.append([each.run.task_id for each in request.reports])
            self._came.notify_all()
        self.answer(list(request.reports), context)
        with self._came:
            self.taken.extend(request.reports)
        return BatchReportExecutionsResponse()

    @property
    def ids(self) -> list[str]:
        return [each.run.task_id for each in self.taken]

    def wait_for_calls(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.calls) >= count, 20)


@pytest.fixture
def record(serve: Callable[[Servicer], LoopbackServer]) -> Iterator[Callable[..., Recorder]]:
    clients: list[TaskClient] = []

    def make(servicer: Servicer, **options: Any) -> Recorder:
        clients.append(TaskClient(serve(servicer).address, "token"))
        return Recorder(lambda: clients[-1], **options)

    yield make
    for client in clients:
        client.close()


def refuse_fields(context: grpc.ServicerContext, *fields: str) -> None:
    violations = [BadRequest.FieldViolation(field=each, description="is wrong") for each in fields]
    refuse(
        context,
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELDS",
        BadRequest(field_violations=violations),
        message="No.",
    )


def test_reports_arrive_whole_and_in_order(record: Callable[..., Recorder]) -> None:
    service = Reports()
    recorder = record(service)
    recorder.register(task_id="a", task_name="m.t", module="m", task_args=[1, {"x": None}], task_kwargs={"y": "z"})
    recorder.report(task_id="a", status="STARTED", worker="w@h", queue="q", retries=2, created_by="7", app="shop")
    recorder.report(task_id="a", status="SUCCESS", result=None, metadata={"k": [True]})
    recorder.report(task_id="b", status="FAILURE", error="No.", traceback="here")
    assert recorder.flush(20)
    first, second, third, fourth = service.taken
    assert (first.run.task_name, first.run.module, first.status) == ("m.t", "m", TaskExecution.PENDING)
    assert (to_python(first.run.task_args), to_python(first.run.task_kwargs)) == ([1, {"x": None}], {"y": "z"})
    assert (second.status, second.worker, second.queue, second.retries) == (TaskExecution.STARTED, "w@h", "q", 2)
    assert (second.run.created_by, second.run.app) == ("7", "shop")
    assert (
        third.HasField("result") and to_python(third.result) is None and to_python(third.run.metadata) == {"k": [True]}
    )
    assert not first.HasField("result") and (fourth.error, fourth.traceback) == ("No.", "here")
    times = [each.occurred_at.ToNanoseconds() for each in service.taken]
    assert times == sorted(times) and all(times)


def test_many_reports_go_in_few_calls_of_bounded_size(record: Callable[..., Recorder]) -> None:
    service = Reports()
    recorder = record(service)
    ids = [str(number) for number in range(1_800)]
    for each in ids:
        recorder.report(task_id=each)
    for each in "xyz":
        recorder.report(task_id=each, task_args=[each * 500_000])
    assert recorder.flush(20)
    assert service.ids == [*ids, *"xyz"]
    assert max(map(len, service.calls)) <= 500 and len(service.calls) <= 4 + 3 + 1


def test_what_is_refused_is_left_out_and_the_rest_arrives(
    record: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    def answer(reports: list[ExecutionReport], context: grpc.ServicerContext) -> None:
        wrong = [index for index, each in enumerate(reports) if each.run.task_id.startswith("bad")]
        if wrong:
            refuse_fields(context, *(f"reports[{index}].run.module" for index in wrong))

    service = Reports(answer)
    recorder = record(service)
    for each in ("1", "bad-secret", "2", "bad", "3"):
        recorder.report(task_id=each)
    assert recorder.flush(20)
    assert service.ids == ["1", "2", "3"]
    (line,) = caplog.messages
    assert "reports[].run.module" in line and "left out (2)" in line and "secret" not in line


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT],
    ids=lambda code: code.name,
)
def test_one_report_that_spoils_its_batch_is_found(record: Callable[..., Recorder], code: grpc.StatusCode) -> None:
    def answer(reports: list[ExecutionReport], context: grpc.ServicerContext) -> None:
        if any(each.run.created_by == "other" for each in reports):
            context.abort(code, "no")

    service = Reports(answer)
    recorder = record(service)
    for number in range(20):
        recorder.report(task_id=str(number), created_by="other" if number == 13 else "")
    assert recorder.flush(20)
    assert service.ids == [str(number) for number in range(20) if number != 13]


def test_what_can_not_be_sent_at_all_is_left_out(
    record: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    service = Reports()
    recorder = record(service)
    recorder.report(task_id="object", task_args=[object()])  # type: ignore[list-item]
    recorder.report(task_id="status", status="no such")
    recorder.report(task_id="field", nonsense=1)  # type: ignore[call-arg]
    recorder.report(task_id="good")
    assert recorder.flush(20)
    assert service.ids == ["good"]
    assert all("left out" in line and "no such" not in line for line in caplog.messages) and caplog.messages


class Ear(logging.Handler):
    """Hears a word in the log."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word
        self.heard = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._word in record.getMessage():
            self.heard.set()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear("Reports wait")
    logging.getLogger("task_manager").addHandler(ear)
    yield ear
    logging.getLogger("task_manager").removeHandler(ear)


def test_reports_wait_while_the_service_is_away(
    serve: Callable[[Servicer], LoopbackServer], caplog: pytest.LogCaptureFixture, ear: Ear
) -> None:
    service = Reports()
    server = serve(service)
    server.kill()
    with TaskClient(server.address, "token") as client:
        recorder = Recorder(lambda: client)
        for number in range(10):
            recorder.report(task_id=str(number))
        assert ear.heard.wait(20)
        assert not recorder.flush(0.1)
        server.start()
        assert recorder.flush(20)
    assert service.ids == [str(number) for number in range(10)]
    assert len([line for line in caplog.messages if "Reports wait" in line]) == 1


def test_a_server_that_is_busy_is_asked_again(record: Callable[..., Recorder]) -> None:
    def answer(reports: list[ExecutionReport], context: grpc.ServicerContext) -> None:
        if len(service.calls) < 3:
            refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")

    service = Reports(answer)
    recorder = record(service)
    recorder.report(task_id="a")
    assert recorder.flush(20)
    assert service.calls == [["a"]] * 3


def test_a_wrong_token_keeps_what_waits(record: Callable[..., Recorder], caplog: pytest.LogCaptureFixture) -> None:
    def answer(reports: list[ExecutionReport], context: grpc.ServicerContext) -> None:
        if len(service.calls) == 1:
            refuse(context, grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS")

    service = Reports(answer)
    recorder = record(service)
    recorder.report(task_id="a")
    service.wait_for_calls(1)
    assert recorder.flush(20)
    assert service.ids == ["a"]
    assert "InvalidCredentials" in caplog.text and "token" not in caplog.text.replace("task", "")


def test_the_oldest_are_dropped_when_too_many_wait(
    record: Callable[..., Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    is_open = threading.Event()
    service = Reports(lambda *_: is_open.wait(20) and None)
    recorder = record(service, capacity=5)
    recorder.report(task_id="first")
    service.wait_for_calls(1)
    for number in range(12):
        recorder.report(task_id=str(number))
    is_open.set()
    assert recorder.flush(20)
    assert service.ids == ["first", "7", "8", "9", "10", "11"]
    assert recorder.dropped == 7
    assert len([line for line in caplog.messages if "dropped" in line]) == 1


def test_threads_may_share_it(record: Callable[..., Recorder]) -> None:
    service = Reports()
    recorder = record(service)

    def work(name: str) -> None:
        for number in range(300):
            recorder.report(task_id=f"{name}{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert recorder.flush(20)
    assert len(service.taken) == 1_200
    for name in "abcd":
        assert [each for each in service.ids if each.startswith(name)] == [f"{name}{number}" for number in range(300)]


def run(code: str, address: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TASK_MANAGER_ADDRESS": address, "TASK_MANAGER_TOKEN": "token"}
    environment.pop("GRPC_ENABLE_FORK_SUPPORT", None)
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)


def test_what_waits_at_the_end_of_a_process_is_sent(serve: Callable[[Servicer], LoopbackServer]) -> None:
    service = Reports()
    done = run(
        "from task_manager.recorder import default_recorder; default_recorder().report(task_id='last')",
        serve(service).address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert service.ids == ["last"]


def test_a_service_that_is_away_does_not_hold_up_the_end(serve: Callable[[Servicer], LoopbackServer]) -> None:
    server = serve(Reports())
    server.kill()
    code = (
        "import atexit, time; at = time.monotonic(); atexit.register(lambda: print(time.monotonic() - at < 10));"
        "from task_manager.recorder import default_recorder; default_recorder().report(task_id='lost')"
    )
    done = run(code, server.address)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert "Reports were lost" in done.stderr


forking = pytest.mark.parametrize(
    "patch",
    [
        "",
        "from gevent import monkey; monkey.patch_all()",
        # As gunicorn does to an app that it has preloaded.
        "import task_manager.recorder; from gevent import monkey; monkey.patch_all()",
    ],
    ids=["threads", "gevent", "gevent late"],
)


@forking
def test_forked_children_send_their_own_and_not_the_parents(
    patch: str, serve: Callable[[Servicer], LoopbackServer]
) -> None:
    service = Reports()
    code = f"""
{patch}
import os
from task_manager.recorder import default_recorder
recorder = default_recorder()
recorder.report(task_id="parent 0")
assert recorder.flush(20)
children = []
for child in range(3):
    recorder.report(task_id=f"parent {{child + 1}}")
    children.append(os.fork())
    if children[-1] == 0:
        recorder.report(task_id=f"child {{child}}")
        os._exit(0 if recorder.flush(20) else 1)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
recorder.report(task_id="parent 4")
"""
    done = run(code, serve(service).address)
    assert done.returncode == 0, done.stderr
    assert sorted(service.ids) == [*(f"child {n}" for n in range(3)), *(f"parent {n}" for n in range(5))]


def test_a_greenlet_that_goes_on_in_a_forked_child_sends_nothing_there(
    serve: Callable[[Servicer], LoopbackServer],
) -> None:
    service = Reports()
    code = """
from gevent import monkey; monkey.patch_all()
import os, time
from task_manager.recorder import default_recorder
recorder = default_recorder()
recorder.report(task_id="first")
assert recorder.flush(20)
recorder.report(task_id="parent")
# The sending greenlet has seen it, and waits for more.
time.sleep(0)
pid = os.fork()
if pid == 0:
    for n in range(60):
        recorder.report(task_id=f"child {n}")
        time.sleep(0.02)
    os._exit(0 if recorder.flush(20) else 1)
assert os.waitpid(pid, 0)[1] == 0
"""
    done = run(code, serve(service).address)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(service.ids) == sorted(["first", "parent", *(f"child {n}" for n in range(60))])


@forking
def test_a_fork_within_a_call_harms_neither_side(patch: str, serve: Callable[[Servicer], LoopbackServer]) -> None:
    service = Reports(lambda *_: threading.Event().wait(0.1) and None)
    code = f"""
{patch}
import os
from task_manager.recorder import default_recorder
recorder, children = default_recorder(), []
for child in range(8):
    recorder.report(task_id="parent")
    # Begins the call, which takes longer.
    recorder.flush(0.05)
    pid = os.fork()
    if pid == 0:
        recorder.report(task_id=f"child {{child}}")
        os._exit(0 if recorder.flush(20) else 1)
    children.append(pid)
assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
assert recorder.flush(20)
"""
    done = run(code, serve(service).address)
    assert done.returncode == 0, done.stderr
    assert sorted({*service.ids}) == [*(f"child {n}" for n in range(8)), "parent"]


def test_nothing_is_logged_of_a_report(record: Callable[..., Recorder], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = record(Reports(lambda reports, context: context.abort(grpc.StatusCode.INTERNAL, "no")))
    recorder.report(task_id="a", task_kwargs={"key": "hunter2"})
    assert recorder.flush(20)
    assert "hunter2" not in caplog.text
