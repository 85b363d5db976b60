"""The client of a process, for what is called without one: made at first use, and made anew after a fork."""

from __future__ import annotations

import os
import threading
from typing import TypedDict, cast

from task_manager import django_project
from task_manager.client import TaskClient

_ARGUMENTS = {
    "address": "TASK_MANAGER_ADDRESS",
    "token": "TASK_MANAGER_TOKEN",
    "ca_file": "TASK_MANAGER_CA_FILE",
    "cert_file": "TASK_MANAGER_CERT_FILE",
    "key_file": "TASK_MANAGER_KEY_FILE",
}


class Place(TypedDict, total=False):
    """Where to call and with which token: arguments of a `TaskClient`."""

    address: str
    token: str
    ca_file: str
    cert_file: str
    key_file: str


class Connection:
    """Keeps the client that a process shares."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._client: TaskClient | None = None
        self._inherited: list[TaskClient] = []

    def client(self) -> TaskClient:
        """The client, which this makes if there is none. Raises as `TaskClient` does where the settings contradict."""
        with self._making:
            if self._client is None:
                self._client = TaskClient(**configured())
            return self._client

    def forget(self) -> None:
        """Leaves the client to the parent, in a process that was forked from it.

        It is neither used nor closed: its connection is the parent's, and what its threads held is held for ever here.
        """
        self._making = threading.Lock()
        if self._client is not None:
            self._inherited.append(self._client)
            self._client = None


def configured() -> Place:
    """The arguments of a `TaskClient` that the environment and Django's settings give."""
    found = {argument: django_project.setting(name) for argument, name in _ARGUMENTS.items()}
    return cast("Place", {argument: value for argument, value in found.items() if value is not None})


_connection = Connection()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_connection.forget)


def default_client() -> TaskClient:
    """The client of this process: threads share it, and a forked child, as Celery's and gunicorn's are, makes its own.

    Where to call and with which token the environment says, else Django's settings, if the program has them:
    TASK_MANAGER_ADDRESS, TASK_MANAGER_TOKEN, TASK_MANAGER_CA_FILE, TASK_MANAGER_CERT_FILE and TASK_MANAGER_KEY_FILE. They are
    read once. Nobody has to close it. The environment's GRPC_ENABLE_FORK_SUPPORT must not be off in a program that calls
    before it forks.

    Raises:
        ValueError: the settings contradict one another, or the address or token can not be one.
    """
    return _connection.client()
