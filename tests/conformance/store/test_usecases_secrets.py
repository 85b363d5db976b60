"""Secrets in the database: bound to their rows, gone with what needs them, and sealed anew under another key."""

from __future__ import annotations

import pytest
from tests.conformance.store.engine_values import SUCCESS, definition

from task_server.domain.actions import HttpAction
from task_server.domain.clock import SECOND
from task_server.domain.outcome import Outcome
from task_server.domain.retention import Retention
from task_server.domain.secret import SealedValue, Secret, SecretKind
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.sealing.given_secrets import GivenSecrets
from task_server.sealing.key_source import GivenKeys
from task_server.sealing.sealer import CannotOpen, Sealer
from task_server.store import sealed_secrets
from task_server.store.database import DuplicateKeyError
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import SealedSecretRow, TaskRow
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.executions import Executions
from task_server.usecases.sealing import Sealing
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

OLD, NEW = "1" * 64, "2" * 64


def sealer(*keys: str) -> Sealer:
    return Sealer(GivenKeys(" ".join(keys), "the test"))


def call(**secrets: str):
    sealed = tuple(
        SealedValue(kind=SecretKind.VALUE, name=name, fingerprint=str(hash(value))) for name, value in secrets.items()
    )
    return definition(action=HttpAction(url="https://example.com/", sealed=sealed))


def given(keys: Sealer, **secrets: str) -> GivenSecrets:
    return GivenSecrets({(SecretKind.VALUE, name): Secret(value) for name, value in secrets.items()}, keys)


@pytest.fixture
def create(ports, caller):
    def create(caller=caller, keys=(OLD,), **secrets):
        return Tasks(ports).create(caller, call(**secrets), secrets=given(sealer(*keys), **secrets))

    return create


def stored(database, task_id: str) -> set[str]:
    with database.read():
        rows = SealedSecretRow.select(SealedSecretRow.name).where(SealedSecretRow.task_id == task_id).tuples()
        return {name for (name,) in rows}


def opened(claim, keys: Sealer) -> dict[str, str]:
    return {secret.name: keys.open(secret).plain for secret in claim.sealed}


def test_a_claim_brings_what_the_action_needs(create, running, database):
    view = create(A="12345678", B="87654321")
    claim = running.claim(view.last_execution.id, "w1")
    assert opened(claim, sealer(OLD)) == {"A": "12345678", "B": "87654321"}
    assert "12345678" not in repr(claim)


def test_code_and_calls_without_secrets_read_none(ports, caller, running):
    for made in (definition(), call()):
        assert running.claim(Tasks(ports).create(caller, made).last_execution.id, "w1").sealed == ()


def test_task_and_secrets_are_stored_together_or_not_at_all(create, ports, caller, database, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("task_server.usecases.tasks.events.append", fail)
        with pytest.raises(RuntimeError):
            create(A="12345678")
    with database.read():
        assert TaskRow.select().count() == SealedSecretRow.select().count() == 0


def test_the_same_request_again_stores_nothing_more(ports, caller, database):
    tasks, keys = Tasks(ports), sealer(OLD)
    first = tasks.create(caller, call(A="12345678"), "r1", "d", given(keys, A="12345678"))
    again = tasks.create(caller, call(A="12345678"), "r1", "d", given(keys, A="12345678"))
    assert again.task.task_id == first.task.task_id
    with database.read():
        assert SealedSecretRow.select().count() == 1


@pytest.mark.parametrize("move", ["task", "name", "kind", "owner"])
def test_a_row_that_was_moved_does_not_open(create, stranger, running, database, move):
    one, other = create(A="12345678", B="abcdefgh"), create(caller=stranger, A="other one")
    with database.write():
        mine = SealedSecretRow.task_id == one.task.task_id
        match move:
            case "task":
                box = SealedSecretRow.get(mine & (SealedSecretRow.name == "A")).sealed
                SealedSecretRow.update(sealed=box).where(SealedSecretRow.task_id == other.task.task_id).execute()
            case "name":
                SealedSecretRow.delete().where(mine & (SealedSecretRow.name == "B")).execute()
                SealedSecretRow.update(name="B").where(mine).execute()
            case "kind":
                SealedSecretRow.update(kind="header").where(mine).execute()
            case "owner":
                TaskRow.update(owner_id="bob").where(TaskRow.task_id == one.task.task_id).execute()
    moved = (other if move == "task" else one).last_execution.id
    # Two owners wait, so a message is for either of them.
    claims = {claim.execution_id: claim for claim in (running.claim(moved, "w1"), running.claim(moved, "w1"))}
    claim = claims[moved]
    with pytest.raises(CannotOpen, match="damaged, or sealed for another"):
        for secret in claim.sealed:
            sealer(OLD).open(secret)


def test_stopping_removes_what_nothing_will_need(create, ports, caller, running, database):
    view = create(A="12345678")
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)
    assert stored(database, view.task.task_id) == set()
    assert opened(claim, sealer(OLD)) == {"A": "12345678"}
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)


def test_deleting_removes_them_at_once_and_an_ended_task_keeps_them(create, ports, caller, running, database):
    view = create(A="12345678")
    claim = running.claim(view.last_execution.id, "w1")
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    # It may run again.
    Stopping(ports).stop(caller, view.task.task_id)
    assert stored(database, view.task.task_id) == {"A"}
    again = Tasks(ports).run(caller, view.task.task_id)
    claim = running.claim(again.last_execution.id, "w1")
    assert opened(claim, sealer(OLD)) == {"A": "12345678"}
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert stored(database, view.task.task_id) == {"A"}
    Tasks(ports).delete(caller, view.task.task_id)
    assert stored(database, view.task.task_id) == set()


def test_retention_removes_them_with_their_task(create, ports, running, database, monkeypatch):
    # Searches are bounded by ids, which are times.
    monkeypatch.setattr("task_server.usecases.cleaning.first_id", lambda _: "g")
    old, young = create(A="12345678"), create(A="87654321")
    for view in (old, young):
        claim = running.claim(view.last_execution.id, "w1")
        assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    with database.write():
        TaskRow.update(updated_at=1).where(TaskRow.task_id == old.task.task_id).execute()
        ExecutionRow.update(finished_at=1).where(ExecutionRow.parent_task == old.task.task_id).execute()
    assert sum(Cleaning(ports, Retention(executions=86_400 * SECOND)).sweep()) == 1
    assert stored(database, old.task.task_id) == set()
    assert stored(database, young.task.task_id) == {"A"}


def test_updating_replaces_adds_and_removes(create, ports, caller, running, database):
    view = create(A="12345678", B="87654321")
    updating, keys = Updating(ports), sealer(OLD)
    after = call(A="new value", C="one more")
    updating.update(
        caller, updating.read(caller, view.task.task_id, ""), "", after, given(keys, A="new value", C="one more")
    )
    assert opened(running.claim(view.last_execution.id, "w1"), keys) == {"A": "new value", "C": "one more"}


def test_a_secret_that_can_not_be_opened_is_tried_elsewhere_and_then_fails(create, ports, caller, running):
    view = create(A="12345678")
    outcome = Outcome(
        status=ExecutionStatus.FAILURE, failure_reason=FailureReason.SECRET_UNAVAILABLE, error="could not open"
    )
    executions = Executions(ports)
    for left in (2, 1, 0):
        claim = running.claim(view.last_execution.id, "w1")
        assert running.finish(claim.execution_id, claim.attempt, outcome)
        run = executions.get(caller, view.last_execution.id, full=False).execution
        assert run.status is (ExecutionStatus.PENDING if left else ExecutionStatus.FAILURE)
    assert run.failure_reason is FailureReason.SECRET_UNAVAILABLE


def test_everything_is_sealed_anew_and_the_old_key_can_go(create, running, database):
    views = [create(A=f"secret {number}") for number in range(450)]
    assert Sealing(database, sealer(NEW)).missing_keys() == {sealer(OLD).first_key_id: 450}
    both = Sealing(database, sealer(NEW, OLD))
    assert both.missing_keys() == {}
    assert both.reseal().done == 450
    assert both.reseal().done == 0
    alone = sealer(NEW)
    assert Sealing(database, alone).counts() == {alone.first_key_id: 450}
    for number in (0, 199, 200, 449):
        claim = running.claim(views[number].last_execution.id, "w1")
        assert opened(claim, alone) == {"A": f"secret {number}"}


def test_sealing_anew_goes_on_where_it_was_broken_off(create, database, monkeypatch):
    for number in range(5):
        create(A=f"secret {number}")
    sealing, real, calls = Sealing(database, sealer(NEW, OLD)), sealed_secrets.reseal, []

    def die_at_the_third(before, after):
        calls.append(before)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(before, after)

    with monkeypatch.context() as patch:
        patch.setattr("task_server.usecases.sealing.sealed_secrets.reseal", die_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            sealing.reseal()
    assert sorted(sealing.counts().values()) == [2, 3]
    assert sealing.reseal().done == 3


def test_a_secret_that_changes_meanwhile_is_not_overwritten(create, ports, caller, running, database, monkeypatch):
    view, other = create(A="12345678"), create(B="87654321")
    both, real = sealer(NEW, OLD), sealed_secrets.reseal

    def update_first(before, after):
        monkeypatch.undo()
        updating = Updating(ports)
        base = updating.read(caller, view.task.task_id, "")
        # In a transaction of its own, as that of another process that comes just before.
        database_rows = given(sealer(OLD), A="new value").sealed_for(base)
        sealed_secrets.put(database_rows)
        return real(before, after)

    monkeypatch.setattr("task_server.usecases.sealing.sealed_secrets.reseal", update_first)
    result = Sealing(database, both).reseal()
    assert (result.done, result.changed) == (1, 1)
    assert opened(running.claim(view.last_execution.id, "w1"), both) == {"A": "new value"}
    assert opened(running.claim(other.last_execution.id, "w1"), both) == {"B": "87654321"}
    assert Sealing(database, both).reseal().done == 1


def test_what_can_not_be_opened_is_told_and_left(create, database):
    good, bad = create(A="12345678"), create(A="87654321")
    with database.write():
        SealedSecretRow.update(sealed="AQ==").where(SealedSecretRow.task_id == bad.task.task_id).execute()
    result = Sealing(database, sealer(NEW, OLD)).reseal()
    assert result.done == 1
    (failure,) = result.failures
    assert failure.startswith(f"task {bad.task.task_id}: the value 'A' was damaged")
    assert good.task.task_id not in failure


def test_a_secret_needs_its_task(database):
    with pytest.raises(DuplicateKeyError), database.write():
        SealedSecretRow.insert(task_id="none", kind="value", name="A", key_id="k", sealed="").execute()
