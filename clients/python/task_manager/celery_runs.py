"""What is told of a run of a tracked Celery app, from its message or its request: which it is, its arguments, its trouble."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from task_manager.readable import readable
from task_manager.redaction import Redaction

OWNER_HEADER = "task_manager_created_by"
"""The message header in which the owner of a run travels to the worker, and from a task to those that it publishes."""

_LONGEST_NAME = 155
_LONGEST_MODULE = 200
_LONGEST_ERROR = 1_000
_LONGEST_TRACEBACK = 16 * 1024
#: What is told of where a run comes from, where it says something: the header of the message, and the key in `metadata`.
_LINEAGE = {
    "root_id": "celery_root_id",
    "parent_id": "celery_parent_id",
    "group": "celery_group_id",
    "eta": "celery_eta",
}
_HEADERS = ("id", OWNER_HEADER, *_LINEAGE)


class Runs:
    """The rule of one app.

    Args:
        app: the Celery app.
        module: what its tasks belong to, what gives it for a task's name, or None for the first part of the name.
        redaction: what may be told.
    """

    def __init__(self, app: Any, module: str | Callable[[str], str] | None, redaction: Redaction) -> None:
        self._app = app
        self._module = module
        self._redaction = redaction
        self._parameters: dict[str, Sequence[str]] = {}

    def message(self, name: str, headers: Mapping[str, Any], body: Any, username: str, queue: str) -> tuple[Any, ...]:
        """What `published` needs of a message, plain values where the message has them: quickly, since somebody waits."""
        args, kwargs = body[0], body[1]
        names = self._names(name) if args else ()
        return name, {key: headers.get(key) for key in _HEADERS}, args, kwargs, names, username, queue

    def published(
        self,
        name: str,
        headers: Mapping[str, Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        names: Sequence[str],
        username: str,
        queue: str,
    ) -> dict[str, Any]:
        """The report of a message."""
        told_args, told_kwargs = self._redaction.arguments(args, kwargs, names)
        return self.of(name, headers) | {
            "task_args": told_args,
            "task_kwargs": told_kwargs,
            "created_by_username": username,
            "status": "PENDING",
            "queue": queue,
        }

    def of(self, name: str, headers: Any) -> dict[str, Any]:
        """Which run, from what has the headers of its message."""
        task_id = headers.get("id")
        module = self._module or name.partition(".")[0]
        run = {
            "task_id": task_id,
            "task_name": name[:_LONGEST_NAME],
            "module": (module(name) if callable(module) else module)[:_LONGEST_MODULE],
            "created_by": headers.get(OWNER_HEADER),
        }
        lineage = {
            key: str(value) for header, key in _LINEAGE.items() if (value := headers.get(header)) not in (None, task_id)
        }
        if lineage:
            run["metadata"] = lineage
        return run

    def after(self, request: Any) -> Iterator[dict[str, Any]]:
        """The runs that follow in the chain of a request, with their arguments so far. Groups, which are no runs, are left out."""
        for step in reversed(request.chain or ()):
            name, task_id = step["task"], step["options"].get("task_id")
            if task_id and not name.startswith("celery."):
                headers = {"id": task_id, OWNER_HEADER: request.get(OWNER_HEADER), "root_id": request.root_id}
                yield self.of(name, headers) | self.arguments(name, step["args"], step["kwargs"])

    def arguments(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a task, as fields of a report."""
        told_args, told_kwargs = self._redaction.arguments(args, kwargs, self._names(name) if args else ())
        return {"task_args": told_args, "task_kwargs": told_kwargs}

    def result(self, value: object) -> Any:
        """What a task returned."""
        return self._redaction.value(value)

    def trouble(self, error: Any, einfo: Any) -> dict[str, str]:
        """What went wrong, in one line, and where."""
        stack = str(getattr(einfo, "traceback", None) or "")
        if len(stack) > _LONGEST_TRACEBACK:
            stack = stack[-_LONGEST_TRACEBACK:].partition("\n")[2]
        text = readable(error) if error else ""
        # Cut twice: a secret must not be cut before it is found, and a text must not be searched without end.
        line = self._redaction.text(next(iter(text[: 4 * _LONGEST_ERROR].splitlines()), ""))
        return {"error": line[:_LONGEST_ERROR], "traceback": self._redaction.text(stack)}

    def _names(self, name: str) -> Sequence[str]:
        """The names of a task's positional parameters, as far as this process knows the task."""
        names = self._parameters.get(name)
        if names is None:
            # As Celery does when it publishes: asking for `tasks` would finish the app before its time.
            task = self._app._tasks.get(name)
            if task is None:
                return ()
            parameters = inspect.signature(task.run).parameters.values()
            names = self._parameters[name] = [
                each.name for each in parameters if each.kind <= each.POSITIONAL_OR_KEYWORD
            ]
        return names
