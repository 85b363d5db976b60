"""CreateToken, ListTokens, RevokeToken on the real server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2
from tests.unit.api.api_world import World, detail, failure

from task_manager.v1 import admin_service_pb2, admin_service_pb2_grpc, execution_pb2, task_service_pb2, token_pb2
from task_server.api.admin_service import AdminService
from task_server.api.validation.listing import PageTokens
from task_server.auth.tokens import token_id
from task_server.domain.owner import Owner, Role
from task_server.usecases.auditing import Auditing
from task_server.usecases.system_status import SystemStatuses
from task_server.usecases.token_admin import TokenAdmin


class Admin:
    """An admin's calls."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stub: Any = admin_service_pb2_grpc.AdminServiceStub(world.channel)
        self.key = world.tokens.create(Owner("root", "Root"), Role.ADMIN)
        self.metadata = (("authorization", f"Bearer {self.key}"),)

    def create(self, **fields: Any) -> Any:
        request = admin_service_pb2.CreateTokenRequest(token=token_pb2.Token(**fields))
        return self.stub.CreateToken(request, metadata=self.metadata)

    def list(self, **fields: Any) -> Any:
        return self.stub.ListTokens(admin_service_pb2.ListTokensRequest(**fields), metadata=self.metadata)

    def revoke(self, token: str) -> Any:
        return self.stub.RevokeToken(admin_service_pb2.RevokeTokenRequest(id=token), metadata=self.metadata)

    def audit(self, **fields: Any) -> Any:
        request = admin_service_pb2.ListAuditEventsRequest(**fields)
        return self.stub.ListAuditEvents(request, metadata=self.metadata)

    async def works(self, key: str) -> bool:
        metadata = (("authorization", f"Bearer {key}"),)
        try:
            await self.world.stub.GetTask(task_service_pb2.GetTaskRequest(), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            return False
        return True


@pytest.fixture
async def admin(database: Any, ports: Any, threads: Any) -> AsyncIterator[Admin]:
    def servicers(world: World) -> dict[str, object]:
        service = AdminService(
            token_admin=TokenAdmin(database, world.tokens, world.authenticator),
            auditing=Auditing(database),
            statuses=SystemStatuses(database),
            page_tokens=PageTokens(b"k" * 32),
            threads=threads,
        )
        return {"AdminService": service}

    async with World(database, ports, threads, servicers).running() as world:
        yield Admin(world)


ANN = execution_pb2.User(id="ann", username="Ann")


def at(seconds: float) -> timestamp_pb2.Timestamp:
    result = timestamp_pb2.Timestamp()
    result.FromMicroseconds(int((time.time() + seconds) * 1_000_000))
    return result


async def test_a_token_is_made_works_is_listed_and_revoked(admin: Admin) -> None:
    expires_at = at(3600)
    made = await admin.create(owner=ANN, role="viewer", name="wall", expires_at=expires_at)
    token = made.token
    assert token.id == token_id(made.key)
    assert (token.owner, token.role, list(token.grants), token.name) == (ANN, "viewer", [], "wall")
    assert token.expires_at == expires_at
    assert token.HasField("created_at")
    assert not token.HasField("revoked_at")
    assert await admin.works(made.key)
    listed = (await admin.list()).tokens
    assert [each.id for each in listed] == [token.id, token_id(admin.key)]
    assert listed[0] == token
    revoked = (await admin.revoke(token.id)).token
    assert revoked.HasField("revoked_at")
    assert not await admin.works(made.key)
    assert (await admin.revoke(token.id)).token == revoked
    secret = made.key.split("_")[2]
    for answer in (made.token, await admin.list(), revoked):
        assert secret not in str(answer)


@pytest.mark.parametrize(
    ("role", "given", "grants"),
    [
        ("viewer", [], []),
        ("operator", [], []),
        ("editor", [], ["api:create", "code:create"]),
        ("admin", [], ["api:create", "code:create"]),
        ("editor", ["none"], []),
        ("editor", ["code:create", "code:create"], ["code:create"]),
        ("viewer", ["executions:register-for-others"], ["executions:register-for-others"]),
    ],
)
async def test_grants_are_those_of_the_role_or_those_that_were_given(
    admin: Admin, role: str, given: list[str], grants: list[str]
) -> None:
    made = await admin.create(owner=ANN, role=role, grants=given)
    assert list(made.token.grants) == grants


async def test_a_user_without_a_name_is_called_by_its_id(admin: Admin) -> None:
    made = await admin.create(owner=execution_pb2.User(id="bob"), role="viewer")
    assert made.token.owner.username == "bob"


async def test_output_only_fields_are_ignored(admin: Admin) -> None:
    made = await admin.create(id="mine", revoked_at=at(0), last_used_at=at(0), owner=ANN, role="viewer")
    assert made.token.id != "mine"
    assert not made.token.HasField("revoked_at")
    assert not made.token.HasField("last_used_at")


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_made(admin: Admin) -> None:
    error = await failure(
        admin.create(
            owner=execution_pb2.User(id=" ", username="x" * 201),
            role="root",
            grants=["none", "code:create", "all"],
            name="a\nb",
            expires_at=at(-1),
        )
    )
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    fields = [violation.field for violation in detail(error, error_details_pb2.BadRequest).field_violations]
    assert fields == [
        "token.owner.id",
        "token.owner.username",
        "token.name",
        "token.role",
        "token.grants[0]",
        "token.grants[2]",
        "token.expires_at",
    ]
    for request in (admin.stub.CreateToken(admin_service_pb2.CreateTokenRequest(), metadata=admin.metadata),):
        found = detail(await failure(request), error_details_pb2.BadRequest).field_violations
        assert [violation.field for violation in found] == ["token.owner.id", "token.role"]
    far = timestamp_pb2.Timestamp(seconds=2**62)
    assert (await failure(admin.create(owner=ANN, role="viewer", expires_at=far))).code() is (
        grpc.StatusCode.INVALID_ARGUMENT
    )
    assert len((await admin.list()).tokens) == 1


async def test_pages(admin: Admin) -> None:
    for _ in range(4):
        await admin.create(owner=ANN, role="viewer")
    whole = [token.id for token in (await admin.list()).tokens]
    assert len(whole) == 5
    found, page_token = [], ""
    while True:
        page = await admin.list(page_size=2, page_token=page_token)
        found += [token.id for token in page.tokens]
        page_token = page.next_page_token
        if not page_token:
            break
    assert found == whole
    wrong = await failure(admin.list(page_token="x"))
    assert detail(wrong).reason == "INVALID_PAGE_TOKEN"
    assert (await failure(admin.list(page_size=-1))).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_can_not_be_revoked(admin: Admin) -> None:
    error = await failure(admin.revoke("f" * 16))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert (detail(error).reason, dict(detail(error).metadata)) == ("TOKEN_NOT_FOUND", {"id": "f" * 16})
    for name in ("", token_id(admin.key)):
        error = await failure(admin.revoke(name))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        (violation,) = detail(error, error_details_pb2.BadRequest).field_violations
        assert violation.field == "id"
    assert await admin.works(admin.key)


async def test_the_audit_log_tells_of_tokens_and_refusals_newest_first_in_pages(admin: Admin) -> None:
    made = await admin.create(owner=execution_pb2.User(id="ann"), role="viewer", name="ci")
    await admin.revoke(made.token.id)

    first = await admin.audit(page_size=1)
    rest = await admin.audit(page_size=1, page_token=first.next_page_token)

    (revoked,), (created,) = first.audit_events, rest.audit_events
    assert rest.next_page_token == ""
    assert (revoked.method, created.method) == tuple(
        f"task_manager.v1.AdminService/{name}" for name in ("RevokeToken", "CreateToken")
    )
    assert {(event.resource_id, event.actor.id, event.outcome) for event in (revoked, created)} == {
        (made.token.id, "root", "OK")
    }
    assert created.detail == "viewer of user 'ann' with no grants"
    assert created.peer.startswith("ipv4:127.0.0.1:")
    assert made.key.rpartition("_")[2] not in str(first) + str(rest)


async def test_the_audit_log_is_filtered_and_every_wrong_field_is_named(admin: Admin) -> None:
    made = await admin.create(owner=execution_pb2.User(id="ann"), role="editor")
    method = "/task_manager.v1.AdminService/CreateToken"

    assert [event.resource_id for event in (await admin.audit(method=method, actor="root")).audit_events] == [
        made.token.id
    ]
    assert not (await admin.audit(actor="nobody")).audit_events
    assert not (await admin.audit(end_time=timestamp_pb2.Timestamp(seconds=1))).audit_events

    error = await failure(
        admin.audit(
            page_size=-1,
            start_time=timestamp_pb2.Timestamp(seconds=2),
            end_time=timestamp_pb2.Timestamp(seconds=1),
        )
    )
    assert {v.field for v in detail(error, error_details_pb2.BadRequest).field_violations} == {"page_size", "end_time"}


async def test_a_page_of_the_audit_log_goes_on_only_with_the_same_filter(admin: Admin) -> None:
    for _ in range(2):
        await admin.create(owner=execution_pb2.User(id="ann"), role="editor")
    token = (await admin.audit(page_size=1)).next_page_token

    error = await failure(admin.audit(page_size=1, page_token=token, actor="root"))

    assert detail(error).reason == "INVALID_PAGE_TOKEN"
