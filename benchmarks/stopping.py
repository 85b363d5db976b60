"""How long a stop takes: `python -m benchmarks.stopping`. From the call to the dead child, and to the answer that says so.

200 stops of code that never ends and of API calls that hang in their answer, with Redis, and 200 without: then the worker hears of
them by asking the database. One at a time, on a machine that does nothing else; the kernel says when a child is dead (pidfd).
"""

from __future__ import annotations

import os
import select
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc

from benchmarks.roles import Roles
from benchmarks.table import Goal, Measurement, render
from task_manager.v1 import task_pb2, task_service_pb2, task_service_pb2_grpc

_STOPS = 200
#: Runs that are begun together, while Redis is there, and then stopped one by one.
_ROUND = 50
_BEGIN_SECONDS = 60.0
_CODE = "import time\ndef f():\n    while True:\n        time.sleep(0.2)\n"


@dataclass(frozen=True, slots=True)
class Stop:
    """Seconds from the call of StopTask."""

    to_death: float
    to_answer: float


class _Hanging(socketserver.BaseRequestHandler):
    """Begins an answer and never ends it."""

    def handle(self) -> None:
        self.request.recv(4096)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n.")
        self.request.recv(4096)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = _ROUND


@contextmanager
def _hanging_target() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Hanging) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class _Runs:
    """Begins runs and stops them."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        channel = grpc.insecure_channel(roles.grpc_address, options=[("grpc.enable_http_proxy", 0)])
        self._stub = task_service_pb2_grpc.TaskServiceStub(channel)  # type: ignore[no-untyped-call]
        self._metadata = (("authorization", f"Bearer {roles.token}"),)

    def begin(self, task: task_pb2.Task) -> tuple[str, int]:
        """The task's id and the process of its run, the only one that is new below the worker's zygotes."""
        before = self._children()
        request = task_service_pb2.CreateTaskRequest(task=task)
        made = self._stub.CreateTask(request, metadata=self._metadata)
        deadline = time.monotonic() + _BEGIN_SECONDS
        while not (new := self._children() - before):
            if time.monotonic() > deadline:
                raise RuntimeError("a run was not begun")
            time.sleep(0.005)
        (pid,) = new
        return made.task_id, pid

    def stop(self, task_id: str, pid: int) -> Stop:
        """Stop it and see it dead. Raises RuntimeError unless the answer says that it was killed."""
        died_at: list[float] = []
        descriptor = os.pidfd_open(pid)

        def watch() -> None:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if poller.poll(30_000):
                died_at.append(time.perf_counter())

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.perf_counter()
        request = task_service_pb2.StopTaskRequest(task_id=task_id)
        answer = self._stub.StopTask(request, metadata=self._metadata)
        answered_at = time.perf_counter()
        watcher.join()
        os.close(descriptor)
        name = task_service_pb2.StopTaskResponse.Outcome.Name(answer.outcome)
        if name != "KILLED" or not died_at:
            raise RuntimeError(f"a stop was answered with {name}, the child {'died' if died_at else 'lives'}")
        return Stop(died_at[0] - began, answered_at - began)

    def _children(self) -> set[int]:
        """What was forked by the worker's zygotes."""
        return {pid for zygote in _children_of(self._roles.worker_pid) for pid in _children_of(zygote)}


def _children_of(pid: int) -> list[int]:
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # the thread has ended meanwhile
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _measure(roles: Roles, make: Callable[[], task_pb2.Task], *, broker: bool) -> list[Stop]:
    runs = _Runs(roles)
    stops: list[Stop] = []
    while len(stops) < _STOPS:
        begun = [runs.begin(make()) for _ in range(_ROUND)]
        if not broker:
            roles.end_broker()
        stops += [runs.stop(*each) for each in begun]
        if not broker:
            roles.start_broker()
    return stops


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def _rows(what: str, stops: list[Stop]) -> list[Measurement]:
    times = {"dead child": [stop.to_death for stop in stops], "answer": [stop.to_answer for stop in stops]}
    return [
        Measurement(
            what=f"{what}: call to {name}, p{part * 100:.0f}",
            measured=_percentile(values, part) * 1000,
            unit="ms",
            goal=Goal(bound=1000) if (name, part) == ("dead child", 0.99) else None,
            note=f"{len(values)} stops, max {max(values) * 1000:,.0f} ms",
        )
        for name, values in times.items()
        for part in (0.5, 0.99)
    ]


def main() -> int:
    """Measure and print; 1 when a goal is not met."""
    found: list[Measurement] = []
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with (
        _hanging_target() as url,
        tempfile.TemporaryDirectory(prefix="tm-bench-") as directory,
        Roles(Path(directory), WORKER_CONCURRENCY=str(_ROUND), EGRESS_ALLOW="127.0.0.1/32=*") as roles,
    ):
        kinds: dict[str, Callable[[], task_pb2.Task]] = {
            "code": lambda: task_pb2.Task(name="endless", function_code=_CODE, function_name="f"),
            "API call": lambda: task_pb2.Task(name="hangs", api_url=url),
        }
        for broker in (True, False):
            for kind, make in kinds.items():
                what = f"{kind}, {'with' if broker else 'without'} Redis"
                found += _rows(what, _measure(roles, make, broker=broker))
                print(f"measured: {what}", flush=True)
    print(render(found))
    return 0 if all(measurement.is_met is not False for measurement in found) else 1


if __name__ == "__main__":
    sys.exit(main())
