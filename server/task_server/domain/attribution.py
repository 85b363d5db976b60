"""Whose a run of another Celery app is, and what it is, where several tell of it.

Who publishes or runs a task, and who follows an app from outside, often tells of a run without knowing whose it is: then its
owner is *assumed* to be the teller's own user, or the app's. Whoever registers the run, or names a user as they tell of it, knows:

- A run whose owner is assumed is handed over to the first user who is named for it. Once named it moves no more: another user
  who is named later has a run of their own, as where nobody had told of it before.
- Only who told of it, or sees everybody's and may register for others, may name the owner of what was assumed.
- Who may not register for others tells of their own runs: of those nothing is assumed. Else whoever tells of an id before its app
  does could forge what the app's user is handed.
- What a run is, it is as its first registration says; before one comes, as it was told first. Metadata of both is kept.
- How it stands, and since when, is of no concern here: see `domain.observation`.

So the order in which a registration, and what was told of its run, come does not matter.
"""

from __future__ import annotations

from dataclasses import replace

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.observation import merged
from task_server.domain.owner import Caller, Grant, Owner
from task_server.domain.registration import Registration


def namer(caller: Caller, *, is_named: bool) -> str:
    """The id of the user whom a run that is told of has its owner from; empty where the owner is assumed."""
    return caller.owner.id if is_named or Grant.REGISTER_FOR_OTHERS not in caller.grants else ""


def as_told(registration: Registration, named_by: str, now: Micros) -> Execution:
    """The run as it is recorded from what was told of it; `named_by` is empty where its owner is assumed."""
    return registration.execution(now, named_by, is_registered=False)


def distance(caller: Caller, execution: Execution) -> int | None:
    """How far a run is from a caller who does not say whose it is, the least for the one that is meant; None for what can not be.

    Their own is meant before what they have named another owner of. Who sees everybody's, and may register for others, may mean
    any.
    """
    if execution.owner.id == caller.owner.id:
        return 0
    if Grant.REGISTER_FOR_OTHERS not in caller.grants:
        return None
    if execution.named_by == caller.owner.id:
        return 1
    return 2 if caller.sees_all else None


def may_name_owner(caller: Caller, execution: Execution) -> bool:
    """Whether a caller, who may register for the user that they name, may hand that run over to them."""
    return execution.named_by == "" and distance(caller, execution) is not None


def handed_over(execution: Execution, owner: Owner, named_by: str) -> Execution:
    """The run once its owner is known."""
    return replace(execution, owner=owner, named_by=named_by, revision=execution.revision + 1)


def registered(execution: Execution, registration: Registration) -> Execution:
    """The run once it is registered: it is what that says. What was told of it adds to its metadata, as far as both have room."""
    said = replace(
        execution,
        task_name=registration.task_name,
        module=registration.module,
        app=registration.app or execution.app,
        metadata=registration.metadata,
        is_registered=True,
        revision=execution.revision + 1,
    )
    return replace(said, metadata=merged(said, execution.metadata) or said.metadata)
