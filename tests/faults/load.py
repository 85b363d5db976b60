"""Puts the planned load on the servers, and keeps what they answered."""

from __future__ import annotations

import datetime
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.faults.callers import Callers, Unanswered
from tests.faults.item import Deed, Item
from tests.faults.module_stops import ModuleStop, stop_module
from tests.faults.updates import Update, update
from tests.faults.watcher import Watcher

from task_manager import InvalidFields, TaskClient, TaskEnded, TaskManagerError, TaskNotFound
from task_manager.v1.task_pb2 import RetryPolicy, StartRate
from task_manager.v1.task_service_pb2 import StopTaskResponse

_THREADS = 48
_STARTED_SECONDS = 20.0
#: No schedule of the plan pauses longer between two firings.
_LAST_FIRING_SECONDS = 5.0
_Outcome = StopTaskResponse.Outcome


@dataclass(slots=True, kw_only=True)
class Made:
    """What became of an item, as far as the servers answered."""

    key: str
    request_id: str
    #: Empty while no create was answered.
    task_id: str = ""
    #: When the create was answered, in seconds since the epoch.
    answered_at: float = 0.0
    #: The `end_at` that it was created with, in seconds since the epoch; 0 for none.
    end_at: int = 0
    #: Task ids that repeats of the same create gave.
    repeats: list[str] = field(default_factory=list)
    #: Whether a stop or a delete was asked for, whatever came of it.
    stop_asked: bool = False
    delete_asked: bool = False
    #: What the stops said of executions, where the first call of the stop was answered: execution id to outcome.
    stopped: dict[str, str] = field(default_factory=dict)
    #: RunTask: how many calls were answered with an execution, and how many have an unknown outcome besides.
    runs: int = 0
    unknown_runs: int = 0
    updates: list[Update] = field(default_factory=list)
    #: Refusals that the plan does not account for.
    defects: list[str] = field(default_factory=list)


class Load:
    """Creates the items at their times and does to them what is planned."""

    def __init__(self, callers: Callers, watcher: Watcher, sink_url: str, seed: int) -> None:
        self._callers = callers
        self._watcher = watcher
        self._sink_url = sink_url
        self._seed = seed
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="load")
        self._futures: list[Future[None]] = []
        self._lock = threading.Lock()
        self._made: dict[str, Made] = {}
        #: Stops of modules, in the order in which they were begun.
        self.module_stops: list[ModuleStop] = []

    @property
    def made(self) -> list[Made]:
        with self._lock:
            return list(self._made.values())

    def run(self, plan: list[Item], ending: threading.Event) -> None:
        """Go through the plan; return when all of it was begun, or at `ending`."""
        began = time.monotonic()
        for item in plan:
            if ending.wait(max(0.0, began + item.at - time.monotonic())):
                return
            self._futures.append(self._pool.submit(self._create, item))

    def finish(self) -> None:
        """Wait until everything that was begun is done. Raises what went wrong in the harness itself."""
        while self._futures:
            self._futures.pop().result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _create(self, item: Item) -> None:
        # Of the seed and the key alone: a run that is replayed asks for the very same.
        request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._seed}/{item.key}"))
        made = Made(key=item.key, request_id=request_id)
        with self._lock:
            self._made[item.key] = made
        fields = self._fields(item)
        if "end_at" in fields:
            made.end_at = int(fields["end_at"].timestamp())
        self._try(made, lambda: self._answered(made, item, fields))

    def _answered(self, made: Made, item: Item, fields: dict[str, Any]) -> None:
        task = self._callers.call(lambda client: _created(client, made, fields)).value
        made.task_id, made.answered_at = task, time.time()
        for deed in item.deeds:
            self._futures.append(self._pool.submit(self._do, deed, item, made, fields))

    def _do(self, deed: Deed, item: Item, made: Made, fields: dict[str, Any]) -> None:
        if deed.after == "started":
            self._watcher.saw_started(made.task_id, _STARTED_SECONDS)
        time.sleep(deed.seconds)
        match deed.what:
            case "stop":
                made.stop_asked = True
                self._try(made, lambda: self._stop(made))
            case "delete":
                made.stop_asked = made.delete_asked = True
                self._try(made, lambda: self._callers.call(lambda client: client.delete(made.task_id)))
            case "run":
                self._run_again(made)
            case "pause":
                # Whether or not the first was answered, and after it: a task that stays paused would never end.
                self._try(made, lambda: self._callers.call(lambda client: client.pause(made.task_id)), may_be_over=True)
                time.sleep(deed.lasts)
                self._try(
                    made, lambda: self._callers.call(lambda client: client.resume(made.task_id)), may_be_over=True
                )
            case "update":
                self._try(made, lambda: self._update(deed, item, made))
            case "stop module":
                self._try(made, lambda: self._stop_module(fields["module"]))
            case "repeat":
                self._try(
                    made,
                    lambda: made.repeats.append(
                        self._callers.call(lambda client: _created(client, made, fields)).value
                    ),
                )

    def _stop(self, made: Made) -> None:
        answer = self._callers.call(lambda client: client.stop(made.task_id))
        if not answer.unknown:
            made.stopped |= {each.id: _Outcome.Name(each.outcome) for each in answer.value.executions}

    def _update(self, deed: Deed, item: Item, made: Made) -> None:
        changes = item.versions[deed.version]
        for each in update(self._callers, made.task_id, deed.version, changes, with_etag=deed.with_etag):
            made.updates.append(each)

    def _stop_module(self, module: str) -> None:
        def known() -> list[str]:
            return [made.key for made in self.made if made.task_id and made.key.startswith(f"{module}-")]

        record = ModuleStop(module=module)
        self.module_stops.append(record)
        stop_module(self._callers, module, known, record)

    def _run_again(self, made: Made) -> None:
        """Ask once: RunTask can not be repeated, so an unknown outcome stays one."""
        try:
            self._callers.call(lambda client: client.run(made.task_id), patience=0.0)
        except Unanswered:
            made.unknown_runs += 1
        except TaskManagerError as error:
            made.defects.append(repr(error))
        else:
            made.runs += 1

    def _try(self, made: Made, ask: Callable[[], object], *, may_be_over: bool = False) -> None:
        try:
            ask()
        except Unanswered:
            return  # the checks allow both
        except (TaskNotFound, TaskEnded) as error:
            # The first try of a delete came through, and its answer did not.
            if not made.delete_asked and not may_be_over:
                made.defects.append(repr(error))
        except InvalidFields as error:
            # A create that waited for a server until the schedule's end had come.
            if not 0 < made.end_at < time.time() + _LAST_FIRING_SECONDS:
                made.defects.append(repr(error))
        except TaskManagerError as error:
            made.defects.append(repr(error))

    def _fields(self, item: Item) -> dict[str, Any]:
        fields = dict(item.fields)
        if "api_url" in fields:
            fields["api_url"] = self._sink_url + fields["api_url"]
        if "retry_policy" in fields:
            fields["retry_policy"] = RetryPolicy(**fields["retry_policy"])
        if "start_rate" in fields:
            fields["start_rate"] = StartRate(**fields["start_rate"])
        if item.ends_after:
            end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=item.ends_after)
            fields["end_at"] = end.replace(microsecond=0)
        return fields


def _created(client: TaskClient, made: Made, fields: dict[str, Any]) -> str:
    return client.create_task(made.key, request_id=made.request_id, **fields).task_id
