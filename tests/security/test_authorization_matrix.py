"""Who may do what: every RPC x caller x (own, foreign, unknown), over gRPC and over REST, on a real stack.

What is expected of a cell follows from the policy by one rule (`expected`); nothing is written by hand for a cell.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from tests.acceptance.acceptance_api import CALL_SECONDS, Api, Failure, grpc_failure, rest_failure
from tests.acceptance.acceptance_stack import Stack, standing
from tests.readme_pages import ENGLISH, marked_list
from tests.security.matrix_requests import (
    CODE,
    LOCK_HOLDER,
    Address,
    Kind,
    Rows,
    Target,
    addresses,
    http,
    is_report,
    makes_action,
    path,
    request,
    unknown_rows,
)

from task_manager.v1 import task_pb2
from task_server.api import services
from task_server.auth.policy import PERMISSIONS, POLICY, VIEW_ALL
from task_server.domain.owner import DEFAULT_GRANTS, Grant, Role

METHODS = [method for service in services.SERVICES for method in service.methods]
#: How many cells there are, by port; printed at the end.
CELLS: Counter[str] = Counter()


@dataclass(frozen=True)
class Subject:
    """Who calls; nobody, where there is no role."""

    role: Role | None
    grants: frozenset[Grant] = frozenset()

    def __str__(self) -> str:
        if self.role is None:
            return "anonymous"
        if Grant.REGISTER_FOR_OTHERS in self.grants:
            return f"{self.role}-of-a-service"
        return self.role if self.grants == DEFAULT_GRANTS[self.role] else f"{self.role}-without-grants"


SUBJECTS = [
    Subject(None),
    *(Subject(role, DEFAULT_GRANTS[role]) for role in Role),
    *(Subject(role) for role in Role if DEFAULT_GRANTS[role]),
    Subject(Role.EDITOR, DEFAULT_GRANTS[Role.EDITOR] | {Grant.REGISTER_FOR_OTHERS}),
]
NOT_SERVED = {
    f"/task_manager.v1.{service}/{method}"
    for service, methods in marked_list(ENGLISH, "not served: rpcs").items()
    for method in methods
}


def expected(method: MethodDescriptor, subject: Subject, address: Address, target: Target) -> tuple[str, str]:
    """The rule: the code, and of a missing permission its name."""
    permission = POLICY[path(method)]
    if subject.role is None:
        return "UNAUTHENTICATED", ""
    if subject.role not in PERMISSIONS[permission]:
        return "PERMISSION_DENIED", permission
    if path(method) in NOT_SERVED:
        return "UNIMPLEMENTED", ""
    if makes_action(method) and Grant.CREATE_CODE not in subject.grants:
        return "PERMISSION_DENIED", Grant.CREATE_CODE
    acts_for_others = Grant.REGISTER_FOR_OTHERS in subject.grants
    if address.kind is Kind.ON_BEHALF and target is not Target.OWN:
        return ("OK", "") if acts_for_others else ("PERMISSION_DENIED", Grant.REGISTER_FOR_OTHERS)
    sees_all = subject.role in PERMISSIONS[VIEW_ALL]
    if is_report(method) and target is Target.FOREIGN and (sees_all or acts_for_others):
        # To see a run is not yet to say what became of it.
        return ("OK", "") if acts_for_others else ("PERMISSION_DENIED", Grant.REGISTER_FOR_OTHERS)
    if address.kind is Kind.SCOPE and target is not Target.OWN and not sees_all:
        return "PERMISSION_DENIED", VIEW_ALL
    if address.kind is Kind.ROW and (target is Target.UNKNOWN or (target is Target.FOREIGN and not sees_all)):
        return "NOT_FOUND", ""
    if method.name in ("RenewLock", "ReleaseLock") and target is not Target.OWN:
        # Admins too have locks of their own alone.
        return "ABORTED", ""
    return "OK", ""


class World:
    """A stack with the callers of the matrix, all of one user, and what belongs to that user and to another one."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._admin = stack.api()
        self.callers = {subject: self._caller(subject) for subject in SUBJECTS}
        editor = Subject(Role.EDITOR, DEFAULT_GRANTS[Role.EDITOR])
        self._makers = {Target.OWN: self.callers[editor], Target.FOREIGN: self._user("bob", editor)}
        self._kept = {target: self.make(target) for target in Target}

    def rows(self, method: MethodDescriptor, target: Target) -> Rows:
        """Rows for one call: new ones where it may change them."""
        is_reading = POLICY[path(method)] in ("tasks.read", "executions.read", "locks.read")
        return self._kept[target] if is_reading or target is Target.UNKNOWN else self.make(target)

    def make(self, target: Target) -> Rows:
        if target is Target.UNKNOWN:
            return unknown_rows()
        maker = self._makers[target]
        task = maker.create(task_pb2.Task(name="t", function_code=CODE, function_name="f", delay_seconds=3600))
        owner = task.created_by.id
        token = self._admin.rest.post("/api/v1/admin/tokens", {"owner": {"id": owner}, "role": "viewer"})["token"]
        lock = str(uuid.uuid4())
        number = maker.rest.post(f"/api/v1/locks/{lock}", {"owner": LOCK_HOLDER, "lease_seconds": 600})[
            "fencing_number"
        ]
        said = {"task_id": str(uuid.uuid4()), "task_name": "t", "module": "m"}
        registered = maker.rest.post("/api/v1/tasks/executions", said)["id"]
        return Rows(owner, task.task_id, task.last_execution.id, registered, token["id"], lock, int(number))

    def _caller(self, subject: Subject) -> Api:
        return self.stack.api("") if subject.role is None else self._user("ann", subject)

    def _user(self, name: str, subject: Subject) -> Api:
        body = {"owner": {"id": name}, "role": subject.role, "grants": sorted(subject.grants) or ["none"]}
        return self.stack.api(self._admin.rest.post("/api/v1/admin/tokens", body)["key"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # All calls come from one address, and those of nobody are many.
    with standing(tmp_path_factory.mktemp("matrix"), RATE_PER_FAILING_PEER="0") as stack:
        yield World(stack)
    assert stack.faults() == []


def over_grpc(caller: Api, method: MethodDescriptor, message: Message) -> Failure | None:
    """How the call failed, None where it went well; of a stream the first message counts."""
    make: Any = caller.channel.unary_stream if method.server_streaming else caller.channel.unary_unary
    rpc = make(
        path(method),
        request_serializer=type(message).SerializeToString,
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    try:
        answer = rpc(message, metadata=caller.metadata, timeout=CALL_SECONDS)
        if method.server_streaming:
            next(answer, None)
            answer.cancel()
    except grpc.RpcError as error:
        return grpc_failure(error)
    return None


def over_rest(caller: Api, method: MethodDescriptor, message: Message) -> Failure | None:
    """The same through the gateway."""
    call = http(method, message)
    with caller.rest.send(call.verb, call.path, call.body, params=call.query, stream=True) as response:
        if response.status_code >= 400:
            # A stream's error stands in an envelope.
            said = response.json()
            return rest_failure(json.dumps(said.get("error", said)))
        if method.server_streaming:
            line = next(response.iter_lines(chunk_size=1), b"{}")
            assert "error" not in json.loads(line)
        return None


PORTS = {"grpc": over_grpc, "rest": over_rest}


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.containing_service.name}.{method.name}")
def test_each_caller_may_do_what_the_policy_says_and_no_more(world: World, method: MethodDescriptor, port: str) -> None:
    for address in addresses(method):
        targets = [Target.OWN] if address.kind is Kind.NOTHING else list(Target)
        for subject in SUBJECTS:
            answers = {}
            for target in targets:
                CELLS[port] += 1
                rows = world.rows(method, target)
                failure = PORTS[port](world.callers[subject], method, request(method, address, target, rows))
                code = failure.code if failure else "OK"
                permission = failure.metadata.get("permission", "") if failure else ""
                where = f"{subject} {method.name} by {address.field} {target.value}: {failure}"
                assert (code, permission) == expected(method, subject, address, target), where
                answers[target] = _without_names(failure, rows)
            if expected(method, subject, address, Target.FOREIGN) == expected(method, subject, address, Target.UNKNOWN):
                # Nobody learns from an answer that there is such a row.
                assert answers.get(Target.FOREIGN) == answers.get(Target.UNKNOWN)


def _without_names(failure: Failure | None, rows: Rows) -> Failure | None:
    """The failure without what the request itself said."""
    if failure is None:
        return None
    message, metadata = failure.message, failure.metadata
    names = (rows.task_id, rows.execution_id, rows.registered_id, rows.token_id, rows.owner, rows.lock)
    for name in names:
        message = message.replace(name, "…")
        metadata = {key: value.replace(name, "…") for key, value in metadata.items()}
    return replace(failure, message=message, metadata=metadata)


def test_lists_that_are_bound_to_somebody_elses_row_are_as_empty_as_those_of_none(world: World) -> None:
    caller = world.callers[Subject(Role.VIEWER)]
    answers = []
    for target in (Target.FOREIGN, Target.UNKNOWN):
        rows = world.make(target)
        answer = caller.rest.get("/api/v1/tasks/executions/", params={"parent_task": rows.task_id})
        answers.append({name: value for name, value in answer.items() if name != "watch_token"})
    nothing = {"executions": [], "next_page_token": "", "total_size": "0", "total_size_is_least": False}
    assert answers == [nothing, nothing]
    own = world.make(Target.OWN)
    found = caller.rest.get("/api/v1/tasks/executions/", params={"parent_task": own.task_id})
    assert [each["id"] for each in found["executions"]] == [own.execution_id]


def test_the_matrix_has_every_rpc_and_every_way_to_say_whose_rows_are_meant() -> None:
    assert {path(method) for method in METHODS} == set(POLICY)
    kinds = Counter(address.kind for method in METHODS for address in addresses(method))
    assert kinds[Kind.ROW] + kinds[Kind.NAME] >= 20
    assert kinds[Kind.SCOPE] >= 12
    naming = ("id", "ids", "task_id", "created_by", "my_tasks", "parent_task", "name")
    for method in METHODS:
        said = {address.field.rpartition(".")[2] for address in addresses(method)}
        named = {name for name in naming if name in method.input_type.fields_by_name}
        # A name is an address of locks only; elsewhere it filters by what tasks are called.
        wanted = named - {"name"} if method.containing_service.name != "LockService" else named
        if "Register" not in method.name:
            assert wanted <= said, method.name
    print(f"cells: {sum(CELLS.values()):,} ({dict(CELLS)}), callers: {len(SUBJECTS)}, RPCs: {len(METHODS)}")
    if CELLS:
        assert CELLS["grpc"] == CELLS["rest"] > 800
