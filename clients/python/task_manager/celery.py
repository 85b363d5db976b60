"""Tracking a Celery app from within: `track(app)`, and each of its tasks is recorded when it is published and followed to its end.

Celery's own signals tell what happens; the recorder (`task_manager.recorder`) sends it in the background. Nothing here waits for
the service, and nothing that goes wrong here reaches the app: it is warned of in the logger `task_manager`.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from celery import Celery, signals
from celery.app.task import Context

from task_manager.celery_runs import OWNER_HEADER, Runs
from task_manager.complaints import Complaints
from task_manager.recorder import default_recorder
from task_manager.redaction import Redaction

Owner: TypeAlias = Any
"""A user's id, a user with `pk` and `get_username()`, as Django's are, or None for the user of the token."""

_trackings: dict[Celery, Tracking] = {}


def track(
    app: Celery,
    *,
    module: str | Callable[[str], str] | None = None,
    created_by: Owner | Callable[[], Owner] = None,
    redact: Iterable[str] = (),
    max_argument_bytes: int = 4 * 1024,
) -> None:
    """Track an app, wherever it publishes and runs: call this where the app is made. Called again, the last call counts.

    Celery's own tasks (`celery.…`) are left out. Which service, and with which token: see `connection.default_client`.

    Args:
        app: the app. Other apps of the process are left alone.
        module: what the tasks belong to, or what gives it for a task's name. Default: the first part of the name.
        created_by: who the tasks belong to, or what gives it when one is published, as the user of the request that is served.
            Others than the token's user need the grant `executions:register-for-others`. A task that a task publishes belongs to
            whom that one does, and the message header `task_manager_created_by` goes before all.
        redact: more words that make a name that of a secret, beside `redaction.WORDS`. Positional arguments have the names of
            the task's parameters, unless it is published by its name where it is not known (`app.send_task`): then they have none.
        max_argument_bytes: how much of one argument is recorded, in bytes of JSON. Of all together, and of a result, it is 64 KiB.
    """
    app = getattr(app, "_get_current_object", lambda: app)()
    untrack(app)
    runs = Runs(app, module, Redaction(redact, most_argument_bytes=max_argument_bytes))
    _trackings[app] = Tracking(app, runs, created_by)
    _trackings[app].connect()


def untrack(app: Celery) -> None:
    """Track an app no more. What was reported is sent."""
    app = getattr(app, "_get_current_object", lambda: app)()
    if tracking := _trackings.pop(app, None):
        tracking.disconnect()


def _harmless(hook: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(hook)
    def guarded(self: Tracking, **told: Any) -> None:
        try:
            hook(self, **told)
        except Exception as error:
            # What was told may hold secrets, and so may the error's text.
            self._complaints.warn(
                hook.__name__, f"A task was not tracked ({hook.__name__.strip('_')}): {type(error).__name__}"
            )

    return guarded


class _Publishing(threading.local):
    """The message of ours that this thread is about to publish, and the name of its owner."""

    headers: Mapping[str, Any] | None = None
    username = ""


class Tracking:
    """What one app's signals tell, as reports."""

    def __init__(self, app: Celery, runs: Runs, created_by: Owner | Callable[[], Owner]) -> None:
        self._app = app
        self._runs = runs
        self._complaints = Complaints()
        self._created_by = created_by
        self._publishing = _Publishing()
        #: What this worker has received and not ended yet: a pool's parent tells of ends that its child did not live to tell.
        self._received: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._hooks = {
            signals.before_task_publish: self._before_publish,
            signals.after_task_publish: self._published,
            signals.task_received: self._task_received,
            signals.task_unknown: self._unknown,
            signals.task_prerun: self._started,
            signals.task_success: self._succeeded,
            signals.task_retry: self._retried,
            signals.task_failure: self._failed,
            signals.task_revoked: self._revoked,
            signals.worker_process_shutdown: self._process_ends,
        }

    def connect(self) -> None:
        """Begin to listen."""
        for signal, hook in self._hooks.items():
            signal.connect(hook, weak=False, dispatch_uid=f"task_manager {id(self)}")

    def disconnect(self) -> None:
        """Listen no more."""
        for signal in self._hooks:
            signal.disconnect(dispatch_uid=f"task_manager {id(self)}")

    # These two are called within `delay()`: what they leave to the recorder's thread, they do.

    @_harmless
    def _before_publish(self, sender: str, headers: dict[str, Any], properties: Mapping[str, Any], **_: Any) -> None:
        # The signal does not say whose message it is, but an app marks its messages with where its answers go; what was made
        # ready elsewhere, as the next step of a chain, has the mark of the task that it follows. A try that is published again is
        # told of as a retry; messages of the old protocol have no headers.
        parent = self._parent()
        mark = properties.get("reply_to")
        is_ours = mark == self._app.thread_oid or (parent is not None and mark == parent.request.reply_to)
        if is_ours and "id" in headers and not headers.get("retries") and not sender.startswith("celery."):
            headers[OWNER_HEADER], self._publishing.username = self._owner(headers, parent)
            self._publishing.headers = headers

    @_harmless
    def _published(
        self, sender: str, body: Any, headers: Mapping[str, Any], exchange: Any, routing_key: str, **_: Any
    ) -> None:
        if self._publishing.headers is headers:
            self._publishing.headers = None
            queue = "" if exchange else routing_key
            raw = self._runs.message(sender, headers, body, self._publishing.username, queue)
            default_recorder().put(self._runs.published, *raw)

    @_harmless
    def _task_received(self, sender: Any, request: Any, **_: Any) -> None:
        if sender.app is self._app:
            self._received[request.id] = request

    @_harmless
    def _unknown(self, sender: Any, message: Any, name: str, **_: Any) -> None:
        if sender.app is self._app:
            error = "NotRegistered: the worker knows no such task"
            run = self._runs.of(name, message.headers)
            default_recorder().report(**run, status="FAILURE", worker=sender.hostname, error=error)

    @_harmless
    def _started(self, sender: Any, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any], **_: Any) -> None:
        if self._is_ours(sender):
            # Should the publisher have died before it could tell, or not be tracked, then this records the run.
            self._report(task, task.request, status="STARTED", **self._runs.arguments(task.name, args, kwargs))

    @_harmless
    def _succeeded(self, sender: Any, result: Any, **_: Any) -> None:
        if self._is_ours(sender):
            self._report(sender, sender.request, status="SUCCESS", result=self._runs.result(result))

    @_harmless
    def _retried(self, sender: Any, request: Any, reason: Any = None, einfo: Any = None, **_: Any) -> None:
        if self._is_ours(sender):
            self._report(
                sender, request, status="RETRY", **self._runs.trouble(getattr(reason, "exc", None) or reason, einfo)
            )

    @_harmless
    def _failed(self, sender: Any, task_id: str, exception: Any, einfo: Any, **_: Any) -> None:
        if self._is_ours(sender):
            request = sender.request
            if request.id != task_id:
                received = self._received[task_id]
                request = Context(received.request_dict, hostname=received.hostname)
            failure: dict[str, Any] = {"status": "FAILURE", **self._runs.trouble(exception, einfo)}
            self._report(sender, request, **failure)
            # Celery fails the rest of its chain with it, and tells of that by no signal.
            for run in self._runs.after(request):
                default_recorder().report(**run, **failure)

    @_harmless
    def _revoked(self, sender: Any, request: Any, terminated: bool, expired: bool, **_: Any) -> None:
        if self._is_ours(sender):
            how = "expired" if expired else "terminated while it ran" if terminated else "revoked before it ran"
            self._report(sender, request, status="REVOKED", error=f"The task was {how}")

    @_harmless
    def _process_ends(self, **_: Any) -> None:
        # A pool's process ends without what is registered for the end of processes.
        default_recorder().finish()

    def _is_ours(self, task: Any) -> bool:
        return task.app is self._app and not task.name.startswith("celery.")

    def _report(self, task: Any, request: Any, **seen: Any) -> None:
        if request.get(OWNER_HEADER) is None:
            setattr(request, OWNER_HEADER, self._owner(request.headers or {}, self._parent())[0])
        default_recorder().report(
            **self._runs.of(task.name, request), **seen, retries=request.retries or 0, worker=request.hostname or ""
        )

    def _owner(self, headers: Mapping[str, Any], parent: Any | None) -> tuple[str, str]:
        """The id and the name of the owner of what is published, or runs without that anybody has said it; empty for none."""
        given = headers.get(OWNER_HEADER)
        if given is None and parent is not None:
            given = parent.request.get(OWNER_HEADER)
        if given is None:
            given = self._created_by() if callable(self._created_by) else self._created_by
        key = getattr(given, "pk", given)
        username = given.get_username() if hasattr(given, "get_username") else ""
        return ("", "") if key is None else (str(key), username)

    def _parent(self) -> Any | None:
        """The task that runs in this thread, if it is one of the app."""
        parent = self._app.current_worker_task
        return parent if parent and parent.app is self._app else None
