"""Secrets go to the target and are found nowhere else: not in files, logs, answers, events, messages or processes."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import redis
from acceptance_echo import Echo
from acceptance_stack import Stack
from google.protobuf import json_format
from tests.processes import command_line

from task_manager import to_python
from task_manager.v1 import execution_service_pb2, task_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution
from task_server.store.database import Database

EGRESS = "127.0.0.1/32=*"
#: Each with characters that every encoding changes.
HEADER, VALUE, BASIC, COOKIE = 'canary-h/+=1 ü"<x>', 'canary-v/&?# ü"2', "canary-b:3~pass", "sid=canary-c/4; b=5"
BASIC_AUTH = "Basic " + base64.b64encode(f"user:{BASIC}".encode()).decode()


def forms() -> list[bytes]:
    """The secrets, in all the ways in which they could be written down."""
    found: set[bytes] = set()
    for secret in (HEADER, VALUE, BASIC, BASIC_AUTH.removeprefix("Basic "), "canary-c/4"):
        raw = secret.encode()
        found |= {
            *(raw, quote(secret, safe="").encode(), quote(secret).encode(), quote_plus(secret).encode()),
            *(json.dumps(secret)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode()),
            *(
                raw.decode("latin-1").encode(),
                json.dumps(raw.decode("latin-1"))[1:-1].encode(),
                base64.b64encode(raw)[:-4],
            ),
            # Not cut to the secret's beginning either.
            raw[:9],
        }
    return sorted(found)


def leaks(data: bytes | str) -> list[bytes]:
    data = data.encode() if isinstance(data, str) else data
    return [form for form in forms() if form in data]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    return {} if request.param == "sqlite" else {"DATABASE_URL": request.getfixturevalue("postgres_url")}


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@contextlib.contextmanager
def overheard(path: str) -> Iterator[list[bytes]]:
    """Every command that the broker gets meanwhile."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"MONITOR\r\n")
        assert client.recv(5) == b"+OK\r\n"

        def listen() -> None:
            while part := client.recv(65_536):
                heard.append(part)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            client.shutdown(socket.SHUT_RDWR)
            thread.join()


def broker_socket(stack: Stack) -> str:
    # It writes its own title.
    found = re.search(r"unixsocket:([^\s\0]+)", command_line(stack.pid("broker")))
    assert found
    return found[1]


def broker_contents(socket: str) -> bytes:
    client = redis.Redis(unix_socket_path=socket)
    found = [client.dump(key) or b"" for key in client.keys("*")]
    client.close()
    return b"\n".join(found)


def process_texts(stack: Stack) -> bytes:
    """Arguments and environment of every process of the stack."""
    found = []
    for pid in stack.processes():
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                found.append(Path(f"/proc/{pid}/{name}").read_bytes())
    return b"\n".join(found)


def table_texts(url: str) -> str:
    """Every row of every table."""
    database = Database(url)
    with database.read():
        found = []
        for table in database.engine.get_tables():
            found += [str(row) for row in database.engine.execute_sql(f'SELECT * FROM "{table}"').fetchall()]
    database.close()
    return "\n".join(found)


def task(echo: Echo, path: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": "canary",
        "api_url": f"{echo.url}/{path}",
        "method": "POST",
        "headers": {"Authorization": BASIC_AUTH, "Cookie": COOKIE, "X-Value": "<{{secrets.V}}>"},
        "secret_headers": {"X-Own": HEADER},
        "secrets": {"V": VALUE},
        "params": {"p": ["{{secrets.V}}"]},
        "data": {"v": "a {{secrets.V}} b", "deep": [{"v": "{{secrets.V}}"}]},
        **fields,
    }


def test_a_secret_is_found_nowhere_but_at_the_target(
    make_stack: Callable[..., Stack], echo: Echo, database_settings: dict[str, str]
) -> None:
    stack = make_stack(EGRESS_ALLOW=EGRESS, LOG_LEVEL="DEBUG", **database_settings)
    stack.start()
    api, client = stack.api(), stack.client()
    said: list[str] = []
    with overheard(broker_socket(stack)) as heard:
        watch = api.tasks.WatchTasks(task_service_pb2.WatchTasksRequest(), metadata=api.metadata)
        ids = []
        for path in ("echo/{{secrets.V}}", "fail", "broken", "binary", "cut", "again?t={{secrets.V}}"):
            made = api.rest.post("/api/tasks", task(echo, path))
            ids.append(made["task_id"])
            said.append(json.dumps(made, ensure_ascii=False))
        message = json_format.ParseDict(task(echo, "wait"), task_pb2.Task())
        waiting = api.create(message, request_id="canary")
        assert api.create(message, request_id="canary").task_id == waiting.task_id
        said.append(str(waiting))
        assert echo.waiting.wait(30)
        assert leaks(process_texts(stack)) == []
        echo.go_on.set()
        ids.append(waiting.task_id)
        for task_id in ids:
            client.wait(task_id, timeout=60)

        # Everything that answers.
        said.append(str(api.create(message, validate_only=True)))
        for task_id in ids:
            full = api.rest.get(f"/api/tasks/{task_id}?view=FULL")
            said.append(json.dumps(full, ensure_ascii=False))
            said.append(json.dumps(api.rest.answer("PATCH", f"/api/tasks/{task_id}", {**full, "name": "again"})))
            said.append(str(api.call(api.tasks.StopTask, task_service_pb2.StopTaskRequest(task_id=task_id))))
        for rest in ("/api/tasks?view=FULL&page_size=20", "/api/v1/tasks/executions?view=FULL&page_size=20"):
            said.append(json.dumps(api.rest.get(rest), ensure_ascii=False))
        said.append(
            str(api.call(api.tasks.ListTasks, task_service_pb2.ListTasksRequest(view=task_pb2.FULL, page_size=20)))
        )
        executions = api.call(
            api.executions.ListExecutions, execution_service_pb2.ListExecutionsRequest(view=task_pb2.FULL, page_size=20)
        )
        said.append(str(executions))
        # Refusals too, of what is wrong with secrets and of what is wrong beside them.
        wrong = task(echo, "echo", secrets={"V": VALUE, "bad name": VALUE, "W": f"{VALUE}\n"}, timeout=-1)
        wrong["headers"]["X-W"] = "{{secrets.W}}"
        request = task_service_pb2.CreateTaskRequest(task=json_format.ParseDict(wrong, task_pb2.Task()))
        said.append(str(api.failure(api.tasks.CreateTask, request)))
        said.append(
            api.rest.send("POST", "/api/tasks", {**wrong, "secrets": {"V": [VALUE]}, "secret_headers": VALUE}).text
        )
        events = []
        for event in watch:
            events.append(str(event))
            if event.task.name == "again" and event.task.task_id == ids[-1]:
                break
        watch.cancel()
        assert leaks(broker_contents(broker_socket(stack))) == []
    assert heard
    assert events
    assert leaks(b"".join(heard)) == []
    assert leaks("\n".join(events)) == []
    for each in said:
        assert leaks(each) == [], each
        # REST writes what is not ASCII as it is, text format does not.
        assert "canary-" not in each, each
    assert leaks(process_texts(stack)) == []

    runs = {execution.parent_task: execution for execution in executions.executions}
    failed = runs[ids[1]]
    assert failed.failure_reason == TaskExecution.UNEXPECTED_STATUS
    shown = to_python(failed.result)
    assert (shown["headers"]["X-Echo"], shown["headers"]["Set-Cookie"]) == ("[redacted]", "[redacted]")
    assert (shown["reason"], failed.error) == ("for [redacted]", "expected status 2xx, got 500 for [redacted]")
    assert "[redacted]" in runs[ids[2]].error
    assert to_python(runs[ids[4]].result)["body"].endswith("x[redacted]")

    received = echo.received()
    assert len(received) >= 8
    for request in received:
        assert BASIC_AUTH.encode() in request
        assert f"X-Own: {HEADER}".encode() in request
        assert f"X-Value: <{VALUE}>".encode() in request
        assert quote(VALUE, safe="").encode() in request
        if b"Content-Length" in request:  # not where a redirect made it a GET
            assert f'"v": "a {json.dumps(VALUE, ensure_ascii=False)[1:-1]} b"'.encode() in request

    stack.stop()
    if database_settings:
        assert leaks(table_texts(database_settings["DATABASE_URL"])) == []
    files = [path for path in [*stack.data_dir.rglob("*"), stack.log] if path.is_file()]
    assert stack.log in files
    for file in files:
        assert leaks(file.read_bytes()) == [], file
        assert b"canary-" not in file.read_bytes(), file
