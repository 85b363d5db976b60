"""The secrets of a Task message: taken out of it before anything else looks at it, and put into its action by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from task_manager.v1 import task_pb2
from task_server.api.validation.violations import Violations
from task_server.domain.actions import HttpAction
from task_server.domain.secret import (
    MAX_SECRET_BYTES,
    MAX_SECRETS,
    MIN_SECRET_CHARACTERS,
    REDACTED,
    SealedValue,
    Secret,
    SecretKind,
    is_sensitive_header,
)
from task_server.executors import placeholders
from task_server.executors.request_rules import check_headers, check_url
from task_server.sealing.fingerprints import Fingerprints
from task_server.sealing.given_secrets import Field

#: Each may stand for 8 KiB, and all of them must fit into a request.
_MAX_PLACEHOLDERS = 100
#: Stands for a secret that is stored, where only the form of what is around it is checked.
_UNKNOWN = Secret("x" * MIN_SECRET_CHARACTERS)


@dataclass(frozen=True, slots=True)
class TakenSecrets:
    """What a Task message says of secrets."""

    #: The message without them.
    task: task_pb2.Task
    #: All that the task is to have, as it is stored in the task.
    sealed: tuple[SealedValue, ...] = ()
    #: Those of them that are new.
    given: Mapping[Field, Secret] = field(default_factory=dict)

    def put_into(self, action: HttpAction, path: str, violations: Violations) -> HttpAction:
        """The action with its secrets by name. Notes what is wrong with their placeholders."""
        if self._check_placeholders(action, path, violations):
            self._check_filled(action, path, violations)
        return replace(action, sealed=self.sealed)

    def _check_placeholders(self, action: HttpAction, path: str, violations: Violations) -> bool:
        known = {value.name for value in self.sealed if value.kind is SecretKind.VALUE}
        wrong: dict[tuple[str, str], None] = {}
        count = 0
        for name, text in placeholders.texts(action):
            if placeholders.is_misspelt(text):
                wrong[name, "has a placeholder that can not be read; write {{secrets.NAME}}"] = None
            names = placeholders.names_in(text)
            count += len(names)
            for unknown in names:
                if unknown not in known:
                    wrong[
                        name, f"{{{{secrets.{unknown}}}}} names no secret of this task; give {unknown!r} in secrets"
                    ] = None
        for name, key in placeholders.keys(action):
            if placeholders.has_placeholder(key):
                wrong[name, "a placeholder stands for a value, not for a name"] = None
        if placeholders.has_placeholder(placeholders.place(action.url)):
            wrong["api_url", "a secret can not say where a call goes; write scheme, host and port in plain"] = None
        if count > _MAX_PLACEHOLDERS:
            wrong["secrets", f"have {count:,} placeholders; at most {_MAX_PLACEHOLDERS} are allowed"] = None
        for name, description in wrong:
            violations.add(f"{path}.{name}", description)
        return not wrong

    def _check_filled(self, action: HttpAction, path: str, violations: Violations) -> None:
        plain = {(value.kind, value.name): _UNKNOWN for value in self.sealed} | dict(self.given)
        headers = {name: secret for (kind, name), secret in plain.items() if kind is SecretKind.HEADER}
        values = {name: secret for (kind, name), secret in plain.items() if kind is SecretKind.VALUE}
        sent = placeholders.filled(action, headers, values)
        for name, said, alone in (
            ("headers", check_headers(sent.headers), check_headers(action.headers)),
            ("api_url", check_url(sent.url), check_url(action.url)),
        ):
            if said and said != alone:
                violations.add(f"{path}.{name}", f"with its secrets, {said}")


class SecretTaker:
    """Takes the secrets out of Task messages."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints

    def take(
        self,
        owner_id: str,
        task: task_pb2.Task,
        violations: Violations,
        *,
        stored: HttpAction | None = None,
        path: str = "task",
    ) -> TakenSecrets:
        """The secrets in a message.

        Parameters:
            stored: the action that the task has already, whose secrets `[redacted]` stands for.
        """
        if task.WhichOneof("action") != "api_url":
            return TakenSecrets(task)
        rest = task_pb2.Task()
        rest.CopyFrom(task)
        for name in ("headers", "secret_headers", "secrets"):
            rest.ClearField(name)
        taking = _Taking(stored, violations, path)
        taking.take_headers(task, rest)
        taking.take_values(task)
        taking.check_place(task.api_url)
        new = [
            SealedValue(kind=kind, name=name, fingerprint=self._fingerprints.of(owner_id, secret))
            for (kind, name), secret in taking.given.items()
        ]
        sealed = sorted([*taking.kept, *new], key=lambda value: (value.kind, value.name))
        return TakenSecrets(rest, tuple(sealed), taking.given)


class _Taking:
    """One message's secrets, as far as they were taken."""

    def __init__(self, stored: HttpAction | None, violations: Violations, path: str) -> None:
        self.given: dict[Field, Secret] = {}
        self.kept: list[SealedValue] = []
        self._stored = stored
        self._has_kept = False
        self._violations = violations
        self._path = path

    def take_headers(self, task: task_pb2.Task, rest: task_pb2.Task) -> None:
        """Those of `headers` that carry credentials, and `secret_headers`; what is left is put into `rest`."""
        secret = {name.lower() for name in task.secret_headers}
        for name, value in task.headers.items():
            if value == REDACTED:
                if name.lower() not in secret:
                    self._keep(SecretKind.HEADER, name, "headers")
            elif name.lower() in secret:
                self._note("headers", f"{name!r} stands in secret_headers too; give it in one of them")
            elif is_sensitive_header(name) and value and not placeholders.is_template(value):
                self._give(SecretKind.HEADER, name, value, "headers", least=1)
            else:
                rest.headers[name] = value
        for name, value in task.secret_headers.items():
            if value == REDACTED:
                self._keep(SecretKind.HEADER, name, "secret_headers")
            else:
                self._give(SecretKind.HEADER, name, value, "secret_headers")

    def take_values(self, task: task_pb2.Task) -> None:
        """`secrets`."""
        if len(task.secrets) > MAX_SECRETS:
            self._note("secrets", f"must have at most {MAX_SECRETS}, not {len(task.secrets):,}")
            return
        for name, value in task.secrets.items():
            if not placeholders.NAME.fullmatch(name):
                self._note(
                    "secrets",
                    f"{name[:100]!r} is no name; write 1 to 64 letters, digits and '_', and no digit at its beginning",
                )
            elif value == REDACTED:
                self._keep(SecretKind.VALUE, name, "secrets")
            else:
                self._give(SecretKind.VALUE, name, value, "secrets")

    def check_place(self, url: str) -> None:
        """Whoever may change a task, but does not know its secrets, must not have them sent elsewhere."""
        if self._stored and self._has_kept:
            before, after = placeholders.place(self._stored.url), placeholders.place(url)
            if before.lower() != after.lower():
                self._note("api_url", "leads to another scheme, host or port than before, so give all secrets again")

    def _give(self, kind: SecretKind, name: str, value: str, field: str, least: int = MIN_SECRET_CHARACTERS) -> None:
        size = len(value.encode())
        if len(value) < least:
            self._note(f"{field}", f"{name[:100]!r} must have at least {least} characters to be kept out of results")
        if size > MAX_SECRET_BYTES:
            self._note(field, f"{name[:100]!r} must have at most {MAX_SECRET_BYTES:,} bytes, not {size:,}")
        if kind is SecretKind.HEADER and placeholders.has_placeholder(value):
            self._note(
                field,
                f"{name[:100]!r} is sealed and sent as it is; write a placeholder alone, after a scheme or after name=, in headers",
            )
        self.given[kind, name] = Secret(value)

    def _keep(self, kind: SecretKind, name: str, field: str) -> None:
        self._has_kept = True
        for value in self._stored.sealed if self._stored else ():
            if value.kind is kind and _same(kind, value.name, name):
                self.kept.append(value)
                return
        # Of a task that was stored before its secrets were sealed.
        for known, plain in _plain_headers(self._stored) if kind is SecretKind.HEADER else ():
            if _same(kind, known, name):
                self.given[kind, name] = Secret(plain)
                return
        self._note(field, f"{REDACTED} stands for what is stored, and nothing is for {name[:100]!r}; give the value")

    def _note(self, field: str, description: str) -> None:
        self._violations.add(f"{self._path}.{field}", description)


def _plain_headers(stored: HttpAction | None) -> Iterator[tuple[str, str]]:
    for name, value in stored.headers.items() if stored else ():
        if is_sensitive_header(name) and not placeholders.is_template(value):
            yield name, value


def _same(kind: SecretKind, one: str, other: str) -> bool:
    return one == other or (kind is SecretKind.HEADER and one.lower() == other.lower())
