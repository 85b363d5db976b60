"""A run belongs to its worker while its lease is renewed; one that may be somebody else's has no process any more."""

from __future__ import annotations

import signal
import threading
import time

from worker_bench import CALLER, SLEEP, Bench

from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.status import ExecutionStatus
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping

LEASE = {"lease_seconds": 1.5, "heartbeat_seconds": 0.5, "stop_poll_seconds": 0.5}


class Severed(Running):
    """Its database answers everything but the renewal of leases."""

    def renew(self, held):
        raise DatabaseUnavailable


class Stuck(Running):
    """Its database hangs in what is less urgent than leases, until it is let go."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.let_go = threading.Event()

    def append_log(self, execution_id, attempt, text):
        assert self.let_go.wait(30)
        return super().append_log(execution_id, attempt, text)

    def to_stop(self, held):
        assert self.let_go.wait(30)
        return super().to_stop(held)


class Ends:
    """When, and by which signal, the children of a bench ended."""

    def __init__(self, bench: Bench, monkeypatch) -> None:
        self.seen: list[tuple[float, int]] = []
        start = bench.executors.start

        def started(*args, **kwargs):
            run = start(*args, **kwargs)
            wait = run.wait

            def waited():
                outcome = wait()
                self.seen.append((time.monotonic(), outcome.usage.exit_signal))
                return outcome

            monkeypatch.setattr(run, "wait", waited, raising=False)
            return run

        monkeypatch.setattr(bench.executors, "start", started)


def lease_until(bench: Bench, execution_id: str) -> int:
    with bench.ports.database.read():
        return ExecutionRow.get(ExecutionRow.id == execution_id).lease_until


def test_a_lease_that_can_not_be_renewed_costs_the_child_its_life_before_the_lease_ends(tmp_path, monkeypatch):
    bench = Bench(tmp_path, running=Severed, **LEASE)
    ends = Ends(bench, monkeypatch)
    _, execution_id, thread = bench.begin()
    thread.join(20)

    ((ended_at, exit_signal),) = ends.seen
    lease_left = lease_until(bench, execution_id) / 1e6 - time.time() - (time.monotonic() - ended_at)
    assert exit_signal == signal.SIGKILL
    # Half a heartbeat is what it was given to die in; it takes milliseconds.
    assert lease_left > 0.1
    assert bench.execution(execution_id).execution.status is ExecutionStatus.STARTED
    bench.close()


def test_a_run_that_somebody_else_holds_is_killed_without_its_grace(bench, monkeypatch):
    ends = Ends(bench, monkeypatch)
    _, execution_id, thread = bench.begin()
    with bench.ports.database.write():
        ExecutionRow.update(attempt=2, worker="other").where(ExecutionRow.id == execution_id).execute()
    thread.join(20)

    assert [exit_signal for _, exit_signal in ends.seen] == [signal.SIGKILL]
    execution = bench.execution(execution_id).execution
    assert (execution.status, execution.attempt, execution.worker) == (ExecutionStatus.STARTED, 2, "other")


def test_neither_logs_nor_stops_that_hang_keep_a_lease_from_being_renewed(tmp_path, monkeypatch):
    bench = Bench(tmp_path, running=Stuck, **LEASE)
    ends = Ends(bench, monkeypatch)
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.execution(execution_id).execution.status is ExecutionStatus.STARTED)
    first = lease_until(bench, execution_id)
    bench.wait_for(lambda: lease_until(bench, execution_id) > first + 2 * LEASE["lease_seconds"] * 1e6)
    assert ends.seen == []

    bench.running.let_go.set()
    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)
    assert bench.execution(execution_id).execution.status is ExecutionStatus.REVOKED
    bench.close()


def test_many_logs_do_not_delay_a_stop(tmp_path, monkeypatch):
    """Each is a commit: together they may take longer than anybody waits for a stop."""

    class Slow(Running):
        def append_log(self, execution_id, attempt, text):
            time.sleep(0.5)
            return super().append_log(execution_id, attempt, text)

    bench = Bench(tmp_path, running=Slow)
    chatty = "import time\ndef f():\n    while True:\n        print('more')\n        time.sleep(0.05)"
    ends = Ends(bench, monkeypatch)
    begun = [bench.create(chatty) for _ in range(8)]
    threads = [bench.handle_in_thread(execution_id) for _, execution_id in begun]
    for _, execution_id in begun:
        bench.wait_for(lambda execution_id=execution_id: bench.log(execution_id))
    asked_at = time.monotonic()
    with bench.ports.database.write():
        ExecutionRow.update(stop_requested_at=1).execute()
    for thread in threads:
        thread.join(20)

    assert len(ends.seen) == 8
    # One turn of storing takes four seconds.
    assert max(ended_at for ended_at, _ in ends.seen) - asked_at < 2
    bench.close()


def test_what_a_run_printed_is_complete_and_in_order_though_two_threads_store_it(bench):
    code = "def f():\n" + "".join(f"    print({number})\n" for number in range(300))
    for _ in range(5):
        _, execution_id = bench.create(code)
        bench.worker.handle(execution_id)
        assert bench.log(execution_id) == "".join(f"{number}\n" for number in range(300))
