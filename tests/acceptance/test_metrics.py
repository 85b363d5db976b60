"""The metrics of a real stack: what was asked of it and what became of it, and nothing of who asked."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
from acceptance_stack import Stack, eventually
from prometheus_client.parser import text_string_to_metric_families

from task_manager import TaskClient
from task_manager.errors import TaskManagerError

CODE = {"function_code": "def main(n):\n    return 1 / n", "function_name": "main"}
#: Metrics whose values are of this process alone, by role.
ROLES = ("server", "gateway", "worker", "scheduler")


class Metrics:
    """The four ports."""

    def __init__(self, stack: Stack) -> None:
        self._addresses = {
            role: eventually(lambda role=role: self._address(stack, role), what=f"the {role} serves metrics")
            for role in ROLES
        }

    @staticmethod
    def _address(stack: Stack, role: str) -> str:
        found = re.search(rf"^.* {role} .*metrics are served.*address=(\S+)", stack.logged(), re.MULTILINE)
        return found[1] if found else ""

    def text(self, role: str) -> str:
        answer = requests.get(f"http://{self._addresses[role]}/metrics", timeout=30)
        assert answer.status_code == 200
        return answer.text

    def value(self, of: str, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.text(of))
            for sample in family.samples
            if sample.name == f"task_manager_{name}" and labels.items() <= sample.labels.items()
        )


def test_what_happens_is_told(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(METRICS_ADDRESS="127.0.0.1:0")
    stack.start()
    metrics = Metrics(stack)
    client = stack.client()
    for n in (1, 2, 0):
        task = client.create_task("n", task_args=[n], **CODE)
        client.wait(task.task_id, timeout=20)
    client.create_task("later", queue="made-up-by-a-caller", **CODE)
    _ask_with_a_wrong_token(stack)
    stack.api().rest.send("GET", "/api/nothing")

    assert metrics.value("server", "calls_total", method="/task_manager.v1.TaskService/CreateTask", code="OK") == 4
    assert metrics.value("server", "call_seconds_count", method="/task_manager.v1.TaskService/CreateTask") == 4
    assert metrics.value("server", "calls_total", code="UNAUTHENTICATED") == 1
    assert metrics.value("server", "refusals_total", reason="INVALID_CREDENTIALS") == 1
    assert metrics.value("server", "published_total") == 4
    assert metrics.value("worker", "executions_total", status="SUCCESS", reason="", kind="code") == 2
    assert metrics.value("worker", "executions_total", status="FAILURE", reason="EXCEPTION", kind="code") == 1
    for name in ("wait", "start", "run"):
        assert metrics.value("worker", f"{name}_seconds_count", kind="code") == 3
    assert metrics.value("worker", "sandbox_info") == 1
    assert metrics.value("worker", "code_refused") == 0
    eventually(
        lambda: metrics.value("scheduler", "queue_waiting", queue="(unserved)") == 1, what="the queue's depth is told"
    )
    assert metrics.value("scheduler", "queue_running", queue="default") == 0
    assert [metrics.value("scheduler", "processes", role=role) for role in ("server", "worker", "scheduler")] == [
        1,
        1,
        1,
    ]
    for role in ROLES:
        text = metrics.text(role)
        assert "build_info{" in text
        for secret in (stack.admin_token, "admin", "made-up-by-a-caller", task.task_id):
            assert secret not in text
    stack.stop()
    assert stack.faults() == []


def _ask_with_a_wrong_token(stack: Stack) -> None:
    client = TaskClient(stack.grpc_address, "tsk_wrong_wrong")
    try:
        client.get("t1")
    except TaskManagerError:
        return
    finally:
        client.close()
    raise AssertionError("a wrong token was let in")
