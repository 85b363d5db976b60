"""Updates: a run is of one version from its arguments to its result, of the newest that it can be, and none is undone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tests.faults.facts import ExecutionRow, Facts, TaskRow
from tests.faults.finding import Finding
from tests.faults.item import Item
from tests.faults.updates import Update

_SECOND = 1_000_000
_SAID = re.compile(r"return \[a, (\d+)\]")


def updates_are_whole(facts: Facts) -> Iterator[Finding]:
    """Task and runs are of one version each: arguments, metadata, code, result, queue and time."""
    for task, item in _versioned(facts):
        of_task = _versions_of_task(task)
        if len(of_task) != 1:
            yield Finding(f"{task.name} is of versions {sorted(of_task)}", task.task_id)
        for execution in facts.executions_of[task.task_id]:
            versions = _versions(execution)
            if len(versions) != 1 or not versions <= set(range(len(item.versions))):
                yield Finding(f"execution {execution.id} is of versions {sorted(versions)}", task.task_id)
                continue
            fields = {**item.fields, **item.versions[versions.pop()]}
            queue = fields.get("queue", "default")
            if execution.queue != queue:
                yield Finding(f"execution {execution.id} is in {execution.queue} instead of {queue}", task.task_id)
            due_at = execution.created_at + round(fields.get("delay_seconds", 0.0) * _SECOND)
            if not item.seconds_of_minute and not _was_retried(item) and execution.due_at != due_at:
                yield Finding(f"execution {execution.id} was due at {execution.due_at}, not {due_at}", task.task_id)
            if execution.status == "FAILURE" and "raise " not in fields["function_code"]:
                yield Finding(f"{task.name} failed, as neither version does: {execution.error}", task.task_id)


def updates_hold_at_once(facts: Facts) -> Iterator[Finding]:
    """What began after an update was answered is of that version or a later one; what began before it was asked for is not."""
    for task, _ in _versioned(facts):
        updates = facts.made[task.name].updates
        accepted = sorted((each for each in updates if each.etag), key=lambda each: int(each.etag))
        unsure = {each.version for each in updates if each.is_unknown or not each.ended}
        if accepted and not unsure and _versions_of_task(task) != {accepted[-1].version}:
            yield Finding(
                f"{task.name} is of versions {_versions_of_task(task)}, its last update made it {accepted[-1].version}",
                task.task_id,
            )
        for execution in facts.executions_of[task.task_id]:
            attempts = facts.attempts_of[execution.id]
            versions = _versions(execution)
            if not attempts or len(versions) != 1:
                continue
            yield from _untimely(execution, versions.pop(), attempts[-1].started_at, accepted, updates, unsure)


def etags_keep_updates_apart(facts: Facts) -> Iterator[Finding]:
    """Of an update that was made of a task as it had been read, no other one came between the reading and it."""
    for task, _ in _versioned(facts):
        accepted = [each for each in facts.made[task.name].updates if each.etag]
        for each in accepted:
            between = [
                other.version for other in accepted if each.base and int(each.base) < int(other.etag) < int(each.etag)
            ]
            if between:
                yield Finding(
                    f"the update of {task.name} from etag {each.base} to {each.etag} undid versions {between}",
                    task.task_id,
                )


def _untimely(
    execution: ExecutionRow,
    version: int,
    began: int,
    accepted: list[Update],
    updates: list[Update],
    unsure: set[int],
) -> Iterator[Finding]:
    asked = [each.began * _SECOND for each in updates if each.version == version]
    if version and not any(at <= began for at in asked):
        yield Finding(f"execution {execution.id} is of version {version} before its update", execution.parent_task)
    held = [number for number, each in enumerate(accepted) if each.ended * _SECOND < began]
    allowed = {each.version for each in accepted[held[-1] :]} | unsure if held else None
    if allowed is not None and version not in allowed:
        yield Finding(
            f"execution {execution.id} began as version {version} after the update to "
            f"{accepted[held[-1]].version} was answered",
            execution.parent_task,
        )


def _versioned(facts: Facts) -> Iterator[tuple[TaskRow, Item]]:
    for task in facts.tasks:
        item = facts.item.get(task.name)
        if item is not None and item.versions:
            yield task, item


def _versions_of_task(task: TaskRow) -> set[int]:
    definition = json.loads(task.definition)
    action = definition["action"]
    said = {int(action["args"][0]), int(definition["metadata"]["version"])}
    return said | {int(found) for found in _SAID.findall(action["function_code"])}


def _versions(execution: ExecutionRow) -> set[int]:
    said = {int(json.loads(execution.task_args)[0]), int(json.loads(execution.metadata)["version"])}
    if execution.status == "SUCCESS":
        said |= {int(each) for each in json.loads(execution.result or "[]")}
    return said


def _was_retried(item: Item) -> bool:
    return "retry_policy" in item.fields


CHECKS = [updates_are_whole, updates_hold_at_once, etags_keep_updates_apart]
