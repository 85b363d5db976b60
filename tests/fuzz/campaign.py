"""A campaign: random calls over both ports for a while, and afterwards whether the service is as it was."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.acceptance_stack import Stack
from tests.fuzz.finding import Finding
from tests.fuzz.grpc_calls import GrpcCaller
from tests.fuzz.rest_calls import RestCaller

from task_manager import TaskClient
from task_server.api.services import SERVICES
from task_server.gateway.routes import load_routes

#: Callers of each port at once.
_CALLERS = 2
#: What a process may have grown by, in bytes, from the first fifth of a campaign to its end: caches fill, arenas are kept.
GROWTH = 64 * 1024 * 1024


#: The stack's settings: without the limits on callers, which would refuse most of what is to be tried.
SETTINGS = {
    "RATE_PER_TOKEN": "0",
    "RATE_PER_OWNER": "0",
    "RATE_PER_FAILING_PEER": "0",
    "MAX_STREAMS_PER_TOKEN": "0",
    "MAX_STREAMS_PER_OWNER": "0",
}
_CODE = {"function_code": "def f():\n    return 42", "function_name": "f"}


@dataclass
class Report:
    """What a campaign came to."""

    calls: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    #: By role: resident bytes after the first fifth and at the end.
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Lines of the service's own log that tell of a defect.
    logged: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that must not be, as text."""
        grown = [
            f"{role} grew from {first >> 20} to {last >> 20} MiB"
            for role, (first, last) in self.memory.items()
            if last - first > GROWTH
        ]
        return [*map(str, self.findings), *grown, *self.logged]


def run(stack: Stack, seconds: float, seed: int) -> Report:
    """Fuzz a stack that runs."""
    report = Report()
    lock = threading.Lock()
    tokens = [stack.admin_token, stack.token("ann"), stack.token("bob")]
    ids = _rows(stack)
    until = time.monotonic() + seconds
    methods = [method for service in SERVICES for method in service.methods]
    routes = load_routes()

    def go(call: Callable[[], tuple[str, Finding | None]], name: str) -> None:
        while time.monotonic() < until:
            status, finding = call()
            with lock:
                report.calls[f"{name} {status}"] += 1
                if finding is not None and len(report.findings) < 50:
                    report.findings.append(finding)

    grpc_callers = [
        GrpcCaller(stack.grpc_address, methods, tokens, random.Random(f"grpc {seed} {n}")) for n in range(_CALLERS)
    ]
    rest_callers = [
        RestCaller(stack.http_address, routes, tokens, random.Random(f"rest {seed} {n}")) for n in range(_CALLERS)
    ]
    threads = []
    for name, callers in (("grpc", grpc_callers), ("rest", rest_callers)):
        for caller in callers:
            caller.ids = ids
            threads.append(threading.Thread(target=go, args=(caller.call, name)))
    for thread in threads:
        thread.start()
    time.sleep(seconds / 5)
    before = _memory(stack)
    for thread in threads:
        thread.join()
    for caller in grpc_callers:
        caller.close()
    report.memory = {role: (size, _memory(stack)[role]) for role, size in before.items()}
    _is_well(stack.client())
    report.logged = stack.faults()
    return report


def _rows(stack: Stack) -> list[str]:
    """Some rows of two owners, so that calls find something; ids of tasks and of executions."""
    ids = []
    for token in (stack.admin_token, stack.token("ann")):
        client = stack.client(token)
        for _ in range(3):
            task = client.create_task(**_CODE, name="seeded", delay_seconds=86_400)
            ids += [task.task_id, task.last_execution.id]
    return ids


def _memory(stack: Stack) -> dict[str, int]:
    sizes = {}
    for role in ("server", "gateway", "worker", "scheduler"):
        status = Path(f"/proc/{stack.pid(role)}/status").read_text()
        sizes[role] = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return sizes


def _is_well(client: TaskClient) -> None:
    """After all that, the main job is still done."""
    task = client.create_task(**_CODE, name="after")
    assert client.wait(task.task_id, timeout=60).result.number_value == 42
