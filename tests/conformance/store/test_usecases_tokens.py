"""Tokens on both databases: made, listed, revoked; by admins whose own tokens still work."""

from __future__ import annotations

import pytest
from tests.conformance.store.engine_values import at_once

from task_server.auth.authenticator import Authenticator
from task_server.auth.credentials import Credentials
from task_server.auth.last_use import LastUses
from task_server.auth.tokens import Tokens, token_id
from task_server.domain.audit import AuditFilter
from task_server.domain.errors import InvalidCredentials, InvalidFields, TokenNotFound
from task_server.domain.owner import Caller, CallerKind, Grant, Owner, Role
from task_server.store import tokens as rows
from task_server.store.database import Database
from task_server.store.migrator import known_migrations, migrate
from task_server.store.tables.schema import SchemaRow
from task_server.usecases.auditing import Auditing
from task_server.usecases.token_admin import TokenAdmin

ANN = Owner("ann", "Ann")


class Office:
    """Everything that has to do with tokens, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tokens = Tokens(database, b"k" * 32)
        self.uses = LastUses(database)
        self.authenticator = Authenticator([self.tokens], self.uses.note)
        self.admin = TokenAdmin(database, self.tokens, self.authenticator)

    def caller(self, role: Role = Role.ADMIN) -> Caller:
        return self.authenticator.authenticate(Credentials(self.tokens.create(Owner("root", "Root"), role)))


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def test_a_token_is_stored_as_it_was_asked_for_and_works(office: Office, database: Database) -> None:
    expires_at = database.now() + 60_000_000
    key, made = office.admin.create(
        office.caller(), ANN, Role.OPERATOR, grants=[Grant.CREATE_API], name="wall", expires_at=expires_at
    )
    with database.read():
        stored = rows.get(token_id(key))
    assert stored == made
    assert (made.owner, made.role, made.grants, made.name) == (ANN, Role.OPERATOR, {Grant.CREATE_API}, "wall")
    assert (made.expires_at, made.revoked_at, made.last_used_at) == (expires_at, None, None)
    caller = office.authenticator.authenticate(Credentials(key))
    assert caller == Caller(ANN, Role.OPERATOR, made.id, frozenset({Grant.CREATE_API}))


def test_a_revoked_token_is_refused_at_once_where_it_was_revoked(office: Office) -> None:
    admin = office.caller()
    key, made = office.admin.create(admin, ANN, Role.EDITOR)
    credentials = Credentials(key)
    office.authenticator.authenticate(credentials)
    revoked = office.admin.revoke(admin, made.id)
    assert revoked.revoked_at is not None
    assert office.authenticator.trusted(credentials) is None
    with pytest.raises(InvalidCredentials):
        office.authenticator.authenticate(credentials)
    # A second time changes nothing.
    assert office.admin.revoke(admin, made.id) == revoked


def test_what_is_not_there_is_not_found(office: Office) -> None:
    with pytest.raises(TokenNotFound) as caught:
        office.admin.revoke(office.caller(), "f" * 16)
    assert caught.value.metadata == {"id": "f" * 16}


def test_nobody_revokes_the_token_of_the_call(office: Office) -> None:
    admin = office.caller()
    with pytest.raises(InvalidFields, match="another admin's token"):
        office.admin.revoke(admin, admin.token_id)
    # Who came another way has no token to lose.
    other = Caller(admin.owner, Role.ADMIN, admin.token_id, kind=CallerKind.JWT)
    assert office.admin.revoke(other, admin.token_id).revoked_at is not None


@pytest.mark.parametrize("act", ["create", "revoke"])
def test_an_admin_who_was_revoked_a_moment_ago_does_nothing_more(office: Office, database: Database, act: str) -> None:
    first, second = office.caller(), office.caller()
    office.admin.revoke(first, second.token_id)
    before = _count(database)
    with pytest.raises(InvalidCredentials):
        if act == "create":
            office.admin.create(second, ANN, Role.ADMIN)
        else:
            office.admin.revoke(second, first.token_id)
    assert _count(database) == before
    with database.read():
        kept = rows.get(first.token_id)
    assert kept
    assert kept.revoked_at is None


def _count(database: Database) -> int:
    with database.read():
        return len(rows.everything())


def test_of_two_admins_who_revoke_each_other_one_is_left(office: Office, database: Database) -> None:
    for _ in range(10):
        one, other = office.caller(), office.caller()
        turns = iter([(one, other), (other, one)])

        def revoke(turns=turns) -> bool:
            caller, victim = next(turns)
            try:
                office.admin.revoke(caller, victim.token_id)
            except InvalidCredentials:
                return False
            return True

        assert sorted(at_once(database, 2, revoke)) == [False, True]


def test_pages_are_newest_first_and_miss_none_of_one_moment(
    office: Office, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([5, 7, 7, 7, 9])
    monkeypatch.setattr(database, "now", lambda: next(times))
    for _ in range(5):
        office.tokens.create(ANN, Role.EDITOR)
    seen: list[tuple[int, str]] = []
    after = None
    while True:
        page = office.admin.page(after, 2)
        seen += [(token.created_at, token.id) for token in page.tokens]
        after = seen[-1]
        if not page.has_more:
            break
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
    with database.read():
        assert [(token.created_at, token.id) for token in rows.everything()] == seen


def test_uses_of_several_servers_are_stored(office: Office, database: Database) -> None:
    keys = [office.tokens.create(ANN, Role.EDITOR) for _ in range(5)]
    offices = [Office(database) for _ in range(4)]
    for each in offices:
        for key in keys:
            each.authenticator.authenticate(Credentials(key))
    turns = iter(offices)
    at_once(database, 4, lambda: next(turns).uses.store())
    with database.read():
        for key in keys:
            stored = rows.get(token_id(key))
            assert stored
            assert stored.last_used_at is not None
            assert stored.last_used_at % 60_000_000 == 0
            assert 0 <= database.now() - stored.last_used_at < 180_000_000


def test_a_trusted_caller_costs_no_query(office: Office, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials(office.tokens.create(ANN, Role.EDITOR))
    office.authenticator.authenticate(credentials)

    def no_query(*arguments: object) -> None:
        raise AssertionError("a query")

    monkeypatch.setattr(database.engine, "execute_sql", no_query)
    for _ in range(100):
        assert office.authenticator.trusted(credentials)


def test_tokens_of_before_keep_what_they_could(empty_database: Database) -> None:
    steps = known_migrations()
    with empty_database.write():
        engine = empty_database.engine
        engine.create_tables([SchemaRow])
        for step in steps:
            if step.version < 5:
                step.up(engine)
                SchemaRow.create(version=step.version, name=step.name, applied_at=0)
        for number, role in enumerate(("editor", "admin")):
            engine.execute_sql(
                "INSERT INTO token (id, secret_hash, owner_id, owner_name, role, created_at) "
                f"VALUES ('{number}', 'x', 'ann', 'Ann', '{role}', 1)"
            )
    migrate(empty_database)
    with empty_database.read():
        for token in rows.everything():
            assert token.grants == {Grant.CREATE_CODE, Grant.CREATE_API}
            assert (token.name, token.last_used_at) == ("", None)


def test_what_is_done_to_tokens_is_in_the_audit_log_once_and_without_secrets(
    office: Office, database: Database
) -> None:
    admin = office.caller()
    key, made = office.admin.create(admin, ANN, Role.EDITOR)
    for _ in range(2):
        office.admin.revoke(admin, made.id)
    told, _ = Auditing(database).page(AuditFilter(actor_id="root"), "", 10)
    assert [event.resource_id for event in told] == [made.id, made.id]
    assert {event.token_id for event in told} == {admin.token_id}
    assert told[0].detail == "editor of user 'ann' with api:create, code:create"
    assert key.split("_")[2] not in repr(told)
