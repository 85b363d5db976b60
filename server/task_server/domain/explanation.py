"""Why a task does or does not run: one cause for each state, with since when, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from task_server.domain.actions import ActionKind
from task_server.domain.clock import SECOND, Micros
from task_server.domain.execution import Execution
from task_server.domain.process import Process, ProcessRole
from task_server.domain.schedule import OverlapPolicy
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import Task

#: From so many on, how many wait before an execution is not counted any more.
MOST_BEFORE = 1000
#: How late a scheduler that lives may be, before what is due says that there is none.
_LATE = 5 * SECOND
#: How much of an error, or of a worker's refusal, is told again.
_QUOTED = 300


class Cause(StrEnum):
    """Why. The words are the contract's: see ExplainTaskResponse."""

    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    LEASE_EXPIRED = "LEASE_EXPIRED"
    QUEUED = "QUEUED"
    NO_WORKER = "NO_WORKER"
    CODE_REFUSED_BY_WORKERS = "CODE_REFUSED_BY_WORKERS"
    LIMITED = "LIMITED"
    BROKER_AWAY = "BROKER_AWAY"
    NO_SCHEDULER = "NO_SCHEDULER"
    OVERLAP_HELD = "OVERLAP_HELD"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    SCHEDULED = "SCHEDULED"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One cause, told."""

    cause: Cause
    explanation: str
    since: Micros
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a task, all of one moment."""

    task: Task
    now: Micros
    #: The newest of its executions that run.
    running: Execution | None = None
    #: Until when that one belongs to its worker.
    lease_until: Micros | None = None
    #: Of those that wait: the first that nothing holds, else the first that is held.
    waiting: Execution | None = None
    #: When the scheduler looks at that one.
    publish_after: Micros = 0
    #: From when on that one may begin: NEVER while it waits for a place.
    ready_at: Micros = 0
    last: Execution | None = None
    #: The processes that were heard of lately.
    processes: Sequence[Process] = ()
    #: How many executions of its queue became due before the waiting one, and wait too; of more than MOST_BEFORE so many. None
    #: where they were not counted.
    before: int | None = None
    is_broker_away: bool = False

    @property
    def has_scheduler(self) -> bool:
        """Whether any scheduler lives."""
        return any(process.role is ProcessRole.SCHEDULER for process in self.processes)


def explain(facts: Facts) -> Explanation:
    """Why the task does or does not run."""
    task, waiting = facts.task, facts.waiting
    if task.status is TaskStatus.PAUSED:
        return _paused(facts)
    why = why_it_waits(facts)
    if facts.running is not None:
        return why if why is not None and why.cause is Cause.OVERLAP_HELD else _running(facts, facts.running)
    if why is not None:
        return why
    if waiting is None:
        return _between(facts)
    if waiting.status is ExecutionStatus.RETRY:
        return _retrying(waiting)
    return Explanation(
        Cause.SCHEDULED,
        "Its execution waits for its time.",
        waiting.created_at,
        "It runs when it is due (`due_at` of its execution). RunTask makes an extra one now.",
    )


def why_it_waits(facts: Facts) -> Explanation | None:
    """Why something of the task that is due has not begun. None where nothing is due, or nothing waits."""
    waiting, now = facts.waiting, facts.now
    if waiting is None or waiting.due_at > now:
        return None
    # Its due time, or the end of an attempt after that.
    since = max(waiting.due_at, waiting.observed_at or 0)
    if waiting.held:
        return _held(facts, since)
    workers = [process for process in facts.processes if process.serves(waiting.queue)]
    queue = f"queue {waiting.queue!r}"
    if not workers:
        return Explanation(
            Cause.NO_WORKER,
            f"No live worker serves {queue}.",
            since,
            f"Start a worker that has {waiting.queue!r} in worker_queues, or give the task another queue with UpdateTask.",
        )
    if waiting.action_kind is ActionKind.CODE and not any(worker.runs_code for worker in workers):
        return _refused(workers, queue, since)
    if facts.is_broker_away:
        return Explanation(
            Cause.BROKER_AWAY,
            "The broker does not answer, so that no worker can be told.",
            since,
            "Bring the broker back: what is due is published within seconds then.",
        )
    if waiting.waits_for and facts.ready_at > now:
        return _limited(waiting, since)
    if not facts.has_scheduler and facts.publish_after < now - _LATE:
        return _unscheduled(since)
    return _queued(facts, workers, queue, since)


def _paused(facts: Facts) -> Explanation:
    runs = " An execution that had begun goes on." if facts.running is not None else ""
    since = facts.task.paused_at or facts.task.updated_at
    return Explanation(Cause.PAUSED, f"PauseTask holds it.{runs}", since, "ResumeTask lets it go on.")


def _running(facts: Facts, run: Execution) -> Explanation:
    claimed_at = run.observed_at or run.started_at or run.created_at
    if facts.lease_until is not None and facts.lease_until <= facts.now:
        remedy = "A scheduler takes the execution from it within seconds: it runs again, or ends where that was one loss too many."
        if not facts.has_scheduler:
            remedy = "Start a scheduler: it takes the execution from its worker."
        return Explanation(
            Cause.LEASE_EXPIRED, f"Worker {run.worker!r} is not heard of any more.", facts.lease_until, remedy
        )
    if run.stop_requested_at is not None:
        return Explanation(
            Cause.STOPPING,
            f"It was asked to stop; worker {run.worker!r} ends it.",
            run.stop_requested_at,
            "Nothing is to be done: it ends within seconds, or when its worker's lease is over.",
        )
    return Explanation(
        Cause.RUNNING,
        f"Attempt {run.attempt} runs on worker {run.worker!r}.",
        claimed_at,
        f"It ends by itself, or after its timeout of {facts.task.definition.timeout:g} s. StopTask ends it now.",
    )


def _between(facts: Facts) -> Explanation:
    """Why nothing of the task waits or runs: its next firing is to come, or it has ended."""
    task, last = facts.task, facts.last
    since = last.finished_at if last is not None and last.finished_at else task.updated_at
    if task.next_run_at is not None:
        if task.next_run_at < facts.now - _LATE and not facts.has_scheduler:
            return _unscheduled(task.next_run_at)
        return Explanation(
            Cause.SCHEDULED,
            "It waits for its next firing.",
            since,
            "It fires at `next_run_at`. RunTask makes an extra execution now.",
        )
    if task.status is TaskStatus.SUCCESS:
        return Explanation(Cause.SUCCEEDED, "Its last execution succeeded.", since, "RunTask makes another execution.")
    if task.status is TaskStatus.REVOKED:
        return Explanation(
            Cause.STOPPED,
            "It was stopped, for good.",
            task.stopped_at or since,
            "Create the task again to have it run.",
        )
    return _failed(last, since)


def _failed(last: Execution | None, since: Micros) -> Explanation:
    if last is None:
        return Explanation(
            Cause.FAILED,
            "Its schedule ended, and none of its firings was made.",
            since,
            "RunTask makes an execution; UpdateTask gives it another schedule.",
        )
    reason = f" with {last.failure_reason.value}" if last.failure_reason else ""
    error = f": {_quoted(last.error)}" if last.error else "."
    return Explanation(
        Cause.FAILED,
        f"Its last execution failed{reason}{error}",
        since,
        "Mend what the error says, with UpdateTask where it is the task; RunTask makes another execution.",
    )


def _retrying(waiting: Execution) -> Explanation:
    error = f": {_quoted(waiting.error)}" if waiting.error else "."
    return Explanation(
        Cause.WAITING_FOR_RETRY,
        f"Attempt {waiting.attempt} failed, and the next one waits for its time{error}",
        waiting.observed_at or waiting.created_at,
        "It is tried again at `due_at` of its execution.",
    )


def _held(facts: Facts, since: Micros) -> Explanation:
    policy = facts.task.definition.schedule.overlap_policy
    remedy = "It begins when the earlier one has ended. StopTask ends both."
    if policy is OverlapPolicy.CANCEL_RUNNING:
        remedy = "It begins when the earlier one, which was asked to stop, has ended."
    return Explanation(
        Cause.OVERLAP_HELD,
        f"It waits for the end of an earlier execution (overlap policy {policy.value}).",
        since,
        remedy,
    )


def _refused(workers: list[Process], queue: str, since: Micros) -> Explanation:
    reasons = sorted({worker.code_refusal for worker in workers})
    return Explanation(
        Cause.CODE_REFUSED_BY_WORKERS,
        f"No live worker of {queue} runs code: {_quoted('; '.join(reasons))}",
        since,
        "Start a worker for the queue on a machine where its sandbox holds; the execution waits until then.",
    )


def _limited(waiting: Execution, since: Micros) -> Explanation:
    kind = waiting.waits_for.partition(":")[0]
    whose, remedy = {
        "queue": (f"queue {waiting.queue!r}", "or raise the queue's limit (queue_limits)."),
        "owner": ("its owner's executions", "or have the operator raise the owner's quota."),
    }.get(
        kind,
        (f"concurrency key {waiting.concurrency_key!r}", "or raise max_concurrent or start_rate with UpdateTask."),
    )
    return Explanation(
        Cause.LIMITED,
        f"As many run, or have started lately, as the limit of {whose} allows.",
        since,
        f"It begins when it has a place: wait, {remedy}",
    )


def _unscheduled(since: Micros) -> Explanation:
    return Explanation(
        Cause.NO_SCHEDULER, "It is due, and no scheduler lives to bring it to a worker.", since, "Start a scheduler."
    )


def _queued(facts: Facts, workers: list[Process], queue: str, since: Micros) -> Explanation:
    places = sum(worker.concurrency for worker in workers)
    before = ""
    if facts.before is not None:
        number = f"at least {MOST_BEFORE:,}" if facts.before >= MOST_BEFORE else f"{facts.before:,}"
        before = f"; {number} that became due before it wait too"
    return Explanation(
        Cause.QUEUED,
        f"It waits for a free place of {places} on {len(workers)} live workers of {queue}{before}.",
        since,
        "It begins when its turn comes. More workers for the queue bring it on.",
    )


def _quoted(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
