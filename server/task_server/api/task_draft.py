"""From a Task message to a definition, and the secrets that go with it: what creating and updating share."""

from __future__ import annotations

import time
from typing import NamedTuple

from task_manager.v1 import task_pb2
from task_server.api.validation.secrets import SecretTaker
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.actions import HttpAction
from task_server.domain.errors import CheckerUnavailable
from task_server.domain.secret import REDACTED, SecretKind
from task_server.domain.task import TaskDefinition
from task_server.sandbox.ending import SandboxUnavailable
from task_server.sealing.given_secrets import GivenSecrets
from task_server.sealing.sealer import Sealer


class Draft(NamedTuple):
    """A task as a caller wants it, checked."""

    definition: TaskDefinition
    #: Those of its secrets that are new.
    secrets: GivenSecrets


class Drafts:
    """Makes drafts."""

    def __init__(self, validator: TaskValidator, taker: SecretTaker, sealer: Sealer) -> None:
        self._validator = validator
        self._taker = taker
        self._sealer = sealer

    def draft(
        self,
        owner_id: str,
        task: task_pb2.Task,
        violations: Violations,
        *,
        needs_cron: bool = False,
        stored: TaskDefinition | None = None,
    ) -> Draft:
        """The draft that a message says. Blocks while code is checked.

        Parameters:
            stored: the definition that the task has already.

        Raises InvalidFields with all that is wrong, CheckerUnavailable, and SealingUnavailable where there are secrets to seal.
        """
        action = stored.action if stored and isinstance(stored.action, HttpAction) else None
        taken = self._taker.take(owner_id, task, violations, stored=action)
        try:
            definition = self._validator.validate(
                taken.task,
                time.time_ns() // 1000,
                violations,
                needs_cron=needs_cron,
                stored=stored.schedule if stored else None,
                taken=taken,
            )
        except SandboxUnavailable as error:
            raise CheckerUnavailable from error
        return Draft(definition, GivenSecrets(taken.given, self._sealer))


def set_stored_secrets(message: task_pb2.Task, definition: TaskDefinition) -> None:
    """Say in the message of a stored task which secret values it has, for an update to be put on top of it."""
    if isinstance(definition.action, HttpAction):
        for value in definition.action.sealed:
            if value.kind is SecretKind.VALUE:
                message.secrets[value.name] = REDACTED
