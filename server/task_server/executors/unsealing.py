"""From an action and its sealed secrets to the action as it is sent, and to what keeps those out of what comes back."""

from __future__ import annotations

from collections.abc import Sequence

from task_server.domain.actions import HttpAction
from task_server.domain.outcome import Outcome
from task_server.domain.secret import SealedSecret, SecretKind
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.executor import EndedRun
from task_server.executors.placeholders import filled
from task_server.executors.scrubber import Scrubber
from task_server.sealing.sealer import CannotOpen, Sealer


def unsealed(action: HttpAction, sealed: Sequence[SealedSecret], sealer: Sealer) -> tuple[HttpAction, Scrubber]:
    """The action with its secrets in plain, and a scrubber for them. Raises CannotOpen."""
    if not action.sealed:
        return action, Scrubber([])
    stored = {(each.kind, each.name): each for each in sealed}
    secrets = {}
    for value in action.sealed:
        each = stored.get((value.kind, value.name))
        if each is None:
            message = f"the {value.kind} {value.name!r} is not stored any more"
            raise CannotOpen(message)
        secrets[value.kind, value.name] = sealer.open(each)
    headers = {name: secret for (kind, name), secret in secrets.items() if kind is SecretKind.HEADER}
    values = {name: secret for (kind, name), secret in secrets.items() if kind is SecretKind.VALUE}
    return filled(action, headers, values), Scrubber(secrets.values())


def secrets_unavailable() -> EndedRun:
    """A run that was not begun, because a secret of its could not be opened."""
    return EndedRun(
        Outcome(
            status=ExecutionStatus.FAILURE,
            failure_reason=FailureReason.SECRET_UNAVAILABLE,
            error="The worker could not open the secrets of the task; nothing was sent.",
        )
    )
