"""The policy covers the contract, and nothing else."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from task_manager.v1 import admin_service_pb2, execution_service_pb2, lock_service_pb2, task_service_pb2
from task_server.auth.policy import OPEN, PERMISSIONS, POLICY, VIEW_ALL, authorize, missing, require
from task_server.domain.errors import PermissionMissing, RpcNotImplemented
from task_server.domain.owner import Caller, Grant, Owner, Role

MODULES = (admin_service_pb2, execution_service_pb2, lock_service_pb2, task_service_pb2)
METHODS = [
    f"/{service.full_name}/{method.name}"
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def caller(role: Role) -> Caller:
    return Caller(owner=Owner("ann", "Ann"), role=role, token_id="t")


def test_every_rpc_has_a_rule_and_every_rule_an_rpc() -> None:
    assert len(METHODS) == len(set(METHODS)) > 30
    assert set(POLICY) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_call_what_its_permissions_cover(method: str, role: Role) -> None:
    permission = POLICY[method]
    if role in PERMISSIONS[permission]:
        authorize(caller(role), method)
        return
    with pytest.raises(PermissionMissing) as caught:
        authorize(caller(role), method)
    assert caught.value.metadata == {"permission": permission}


def test_each_role_may_do_what_those_before_it_may_and_more() -> None:
    def may(role: Role) -> set[str]:
        return {name for name, roles in PERMISSIONS.items() if role in roles}

    ladder = [may(role) for role in (Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN)]
    assert all(less < more for less, more in itertools.pairwise(ladder))
    assert ladder[0] == {"tasks.read", "executions.read", "locks.read"}
    assert ladder[1] - ladder[0] == {"tasks.operate", "executions.operate"}
    assert ladder[3] == set(PERMISSIONS)


def test_whatever_changes_something_is_not_for_viewers() -> None:
    reading = re.compile(r"/\w+\.v1\.\w+/(Get|List|Watch|Tail|Preview|Explain)\w+")
    for method in METHODS:
        if Role.VIEWER in PERMISSIONS[POLICY[method]]:
            assert reading.fullmatch(method), method


def test_every_permission_is_asked_for_somewhere() -> None:
    assert set(PERMISSIONS) == {*POLICY.values(), VIEW_ALL}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("grant", Grant)
def test_a_grant_comes_with_no_role(role: Role, grant: Grant) -> None:
    require(Caller(Owner("ann", "Ann"), role, "t", frozenset({grant})), grant)
    with pytest.raises(PermissionMissing) as caught:
        require(Caller(Owner("ann", "Ann"), role, "t", frozenset(Grant) - {grant}), grant)
    assert caught.value.metadata == {"permission": grant.value}


@pytest.mark.parametrize(
    "method",
    ["", "/", "/task_manager.v1.TaskService/Nothing", "/task_manager.v1.TaskService/createtask",
     "task_manager.v1.TaskService/GetTask",
     "/task_manager.v2.TaskService/GetTask", "/task_manager.v1.TaskService/GetTask/"],
)  # fmt: skip
@pytest.mark.parametrize("role", Role)
def test_what_is_not_in_the_policy_is_refused_to_everybody(method: str, role: Role) -> None:
    with pytest.raises(RpcNotImplemented):
        authorize(caller(role), method)


def test_the_contract_has_no_service_that_is_not_looked_at_here() -> None:
    protos = Path(task_service_pb2.__file__).parent.glob("*_service_pb2.py")
    assert {proto.stem for proto in protos} == {module.__name__.rpartition(".")[2] for module in MODULES}


def test_what_is_open_is_health_and_reflection_and_all_of_them() -> None:
    services = (
        health_pb2.DESCRIPTOR.services_by_name["Health"],
        reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
    )
    methods = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    # The newer reflection is UNIMPLEMENTED to everybody: clients ask for it first.
    assert methods | {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"} == OPEN
    assert not OPEN & set(POLICY)


def test_who_lacks_a_permission_is_told_which_role_has_it() -> None:
    assert "a token with the role admin" in str(missing(VIEW_ALL))
    assert "a token with the role editor" in str(missing("executions.register"))
