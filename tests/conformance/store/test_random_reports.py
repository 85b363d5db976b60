"""Reports of many runs at random: late, twice, in any order and any batches, by their processes, modules and trackers at once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import at_once

from task_server.domain.clock import SECOND
from task_server.domain.listing import ExecutionFilter
from task_server.domain.observation import Observation, Source, observed
from task_server.domain.registration import Registration
from task_server.domain.report import Report
from task_server.domain.status import ExecutionStatus
from task_server.usecases.executions import Executions
from task_server.usecases.observing import Observing
from task_server.usecases.registering import Registering

_RUNS = 25
_FINAL = [ExecutionStatus.SUCCESS, ExecutionStatus.FAILURE, ExecutionStatus.REVOKED]


def life(chance: random.Random, now: int) -> list[Observation]:
    """All that can be seen of one run, in its order. What belongs to a try bears its number."""
    found: list[Observation] = []

    def add(status: ExecutionStatus, retries: int | None, **fields: object) -> None:
        at = now - 1000 * SECOND + len(found) * SECOND
        found.append(
            Observation(status=status, retries=retries, occurred_at=at, source=Source.REPORT, worker="w", **fields)
        )

    last = chance.randrange(3)
    for retries in range(last + 1):
        add(ExecutionStatus.PENDING, retries)
        add(ExecutionStatus.STARTED, retries)
        if retries < last:
            add(ExecutionStatus.RETRY, retries, error=f"error {retries}", traceback=f"traceback {retries}")
    # A module that says itself how its run ended does not count its tries.
    counted = chance.choice([last, None])
    end = chance.choice(_FINAL)
    if end is ExecutionStatus.SUCCESS:
        add(end, counted, result_json=f'{{"n":{last}}}')
    else:
        add(end, counted, error="the end", traceback="the last traceback")
    return found


@pytest.mark.parametrize("seed", range(6))
def test_whatever_way_they_come_the_same_is_known_at_last(ports, caller, database, seed):
    chance = random.Random(seed)
    observing, registering, executions = Observing(ports), Registering(ports), Executions(ports)
    lives = {f"c-{number}": life(chance, database.now()) for number in range(_RUNS)}
    said = {
        task_id: Registration(task_id=task_id, task_name="shop.mail", module="shop", owner=caller.owner)
        for task_id in lives
    }
    # Some were registered before.
    registering.register_many(caller, [said[task_id] for task_id in lives if chance.random() < 0.5])
    told = [(task_id, each) for task_id, seen in lives.items() for each in seen]
    told += chance.sample(told, len(told) // 2)
    chance.shuffle(told)
    shares = iter([told[0::3], told[1::3], told[2::3]])

    def tell() -> None:
        share = next(shares)
        for begin in range(0, len(share), 40):
            observing.report(
                caller,
                [
                    Report(
                        task_id=task_id, owner=caller.owner, is_named=True, observation=each, registration=said[task_id]
                    )
                    for task_id, each in share[begin : begin + 40]
                ],
            )

    at_once(database, 3, tell)
    page = executions.page(ExecutionFilter(owner_id=caller.owner.id), "", 100, full=True)
    views = {view.execution.task_id: view for view in page.views}
    assert len(views) == page.total == _RUNS
    for task_id, seen in lives.items():
        execution, detail = views[task_id].execution, views[task_id].detail
        expected = said[task_id].execution(execution.created_at)
        for each in seen:
            expected = observed(expected, each, database.now()) or expected
        same = {name: getattr(execution, name) for name in ("id", "revision", "named_by", "is_registered")}
        assert execution == replace(expected, **same)
        end = seen[-1]
        assert (detail.result_json, detail.traceback) == (end.result_json, end.traceback)
        # Whoever looks an end up may tell of it again, and nothing is changed by that.
        again = replace(end, retries=None, source=Source.RESULT_BACKEND)
        assert not observing.observe([(execution.id, again)]).changed
