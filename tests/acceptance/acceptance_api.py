"""Both ports as any program sees them: plain HTTP with JSON, and the generated gRPC stubs. And one shape for the errors of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import requests
from google.protobuf import any_pb2, json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from task_manager.v1 import (
    event_pb2,  # noqa: F401 - messages that json_format looks up
    execution_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)

#: No call of these tests takes longer.
CALL_SECONDS = 20.0


@dataclass(frozen=True)
class Failure:
    """How a call failed, the same over gRPC and over REST."""

    code: str
    message: str
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    #: Field path to what is wrong with it; several complaints about one field are joined.
    violations: dict[str, str] = field(default_factory=dict)
    #: RetryInfo, in seconds; None where there is none.
    retry_seconds: float | None = None

    @classmethod
    def of(cls, status: status_pb2.Status) -> Failure:
        facts: dict[str, Any] = {"code": code_pb2.Code.Name(status.code), "message": status.message}
        for detail in status.details:
            facts |= _facts(detail)
        return cls(**facts)


def _facts(detail: any_pb2.Any) -> dict[str, Any]:
    info, wrong = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry, precondition = error_details_pb2.RetryInfo(), error_details_pb2.PreconditionFailure()
    if detail.Unpack(info):
        return {"reason": info.reason, "domain": info.domain, "metadata": dict(info.metadata)}
    if detail.Unpack(wrong):
        joined: dict[str, str] = {}
        for violation in wrong.field_violations:
            before = joined.get(violation.field)
            joined[violation.field] = f"{before}; {violation.description}" if before else violation.description
        return {"violations": joined}
    if detail.Unpack(retry):
        return {"retry_seconds": retry.retry_delay.ToNanoseconds() / 1e9}
    assert detail.Unpack(precondition), f"an unexpected detail: {detail.type_url}"
    return {}


class Rest:
    """HTTP calls as `curl -H "Authorization: Bearer …"` makes them."""

    def __init__(self, address: str, token: str) -> None:
        self.base = f"http://{address}"
        self._session = requests.Session()
        # No proxies or .netrc of the machine.
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, path: str, body: object = None, **options: Any) -> requests.Response:
        """One request; `body` is JSON, or text or bytes that are sent as they are."""
        if body is not None:
            data = body if isinstance(body, str | bytes) else json.dumps(body)
            options["data"] = data.encode() if isinstance(data, str) else data
            options.setdefault("headers", {}).setdefault("Content-Type", "application/json")
        return self._session.request(method, self.base + path, **{"timeout": CALL_SECONDS} | options)

    def answer(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        """The JSON of a request that goes well."""
        response = self.send(method, path, body, **options)
        assert response.status_code == 200, f"{method} {path}: {response.status_code} {response.text}"
        assert response.headers["Content-Type"] == "application/json"
        return response.json()

    def get(self, path: str, **options: Any) -> Any:
        return self.answer("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> Any:
        return self.answer("POST", path, body, **options)

    def is_healthy(self) -> bool:
        """Whether the gateway answers, and the server behind it serves."""
        try:
            return bool(self.send("GET", "/healthz").status_code == 200)
        except OSError:
            return False

    def failure(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Failure]:
        """HTTP status and error of a request that fails."""
        response = self.send(method, path, body, **options)
        assert response.status_code >= 400, f"{method} {path}: {response.status_code} {response.text}"
        assert response.headers["Content-Type"] == "application/json"
        return response.status_code, rest_failure(response.text)

    @contextmanager
    def lines(self, path: str, **options: Any) -> Iterator[Iterator[Any]]:
        """The JSON lines of a stream, as they come."""
        with self.send("GET", path, stream=True, **options) as response:
            assert response.status_code == 200, response.text
            # One byte at a time: requests would wait for a whole block.
            yield (json.loads(line) for line in response.iter_lines(chunk_size=1))


def rest_failure(text: str) -> Failure:
    """The error in a REST answer's body."""
    assert "Traceback" not in text
    return Failure.of(json_format.Parse(text, status_pb2.Status()))


def grpc_failure(error: Any) -> Failure:
    """The error of a gRPC call, from its trailers: an RpcError is a Call too, which its type does not say."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    assert isinstance(details, bytes), f"no details: {error}"
    assert b"Traceback" not in details
    status = status_pb2.Status.FromString(details)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    return Failure.of(status)


class Api:
    """Both ports for one user."""

    def __init__(self, grpc_address: str, http_address: str, token: str) -> None:
        self.rest = Rest(http_address, token)
        self.channel = grpc.insecure_channel(grpc_address, options=[("grpc.enable_http_proxy", 0)])
        self.tasks = task_service_pb2_grpc.TaskServiceStub(self.channel)  # type: ignore[no-untyped-call]
        self.executions = execution_service_pb2_grpc.ExecutionServiceStub(self.channel)  # type: ignore[no-untyped-call]
        self.metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def close(self) -> None:
        self.channel.close()
        self.rest.close()

    def call(self, rpc: Callable[..., Any], request: Message) -> Any:
        return rpc(request, metadata=self.metadata, timeout=CALL_SECONDS)

    def failure(self, rpc: Callable[..., Any], request: Message) -> Failure:
        """The error of an RPC that fails, unary or streaming."""
        try:
            answer = self.call(rpc, request)
            if isinstance(answer, Iterator):
                answer = list(answer)
        except grpc.RpcError as error:
            return grpc_failure(error)
        raise AssertionError(f"it did not fail: {answer}")

    def create(self, task: task_pb2.Task, **fields: Any) -> task_pb2.Task:
        made = self.call(self.tasks.CreateTask, task_service_pb2.CreateTaskRequest(task=task, **fields))
        assert isinstance(made, task_pb2.Task)
        return made


def task_of(body: str | dict[str, Any]) -> task_pb2.Task:
    """A Task message from the JSON that REST callers send, by protobuf's own rules."""
    return json_format.Parse(body if isinstance(body, str) else json.dumps(body), task_pb2.Task())


def create_both_ways(api: Api) -> dict[str, Callable[[str], dict[str, Any]]]:
    """Creating a task from JSON text over each port; the answer in REST's JSON."""
    return {
        "rest": lambda text: dict(api.rest.post("/api/tasks", text)),
        "grpc": lambda text: json_format.MessageToDict(
            api.create(task_of(text)), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        ),
    }
