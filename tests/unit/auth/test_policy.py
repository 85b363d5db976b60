"""The policy covers the contract, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from task_manager.v1 import admin_service_pb2, execution_service_pb2, lock_service_pb2, task_service_pb2
from task_server.auth.policy import POLICY, authorize
from task_server.domain.errors import PermissionMissing
from task_server.domain.owner import Caller, Owner, Role

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
def test_admins_may_call_everything_and_editors_all_but_administration(method: str) -> None:
    authorize(caller(Role.ADMIN), method)
    if "AdminService" in method:
        with pytest.raises(PermissionMissing) as caught:
            authorize(caller(Role.EDITOR), method)
        assert caught.value.metadata == {"permission": "admin"}
    else:
        authorize(caller(Role.EDITOR), method)


@pytest.mark.parametrize(
    "method",
    ["", "/", "/task_manager.v1.TaskService/Nothing", "/task_manager.v1.TaskService/createtask",
     "task_manager.v1.TaskService/GetTask",
     "/task_manager.v2.TaskService/GetTask", "/task_manager.v1.TaskService/GetTask/"],
)  # fmt: skip
@pytest.mark.parametrize("role", Role)
def test_what_is_not_in_the_policy_is_refused_to_everybody(method: str, role: Role) -> None:
    with pytest.raises(PermissionMissing):
        authorize(caller(role), method)


def test_the_contract_has_no_service_that_is_not_looked_at_here() -> None:
    protos = Path(task_service_pb2.__file__).parent.glob("*_service_pb2.py")
    assert {proto.stem for proto in protos} == {module.__name__.rpartition(".")[2] for module in MODULES}
