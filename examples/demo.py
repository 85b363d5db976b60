"""The whole service at work on this machine: `make demo`.

Starts `task-server up`, gives it six tasks, shows live what becomes of them, checks every result, and stops it again.
Exits 0 when everything was as it should be.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from local_stack import LocalStack, StackFailure, local_stack
from order_service import order_service
from rich.console import Console
from rich.table import Table
from rich.text import Text

from task_manager import TaskClient, to_python
from task_manager.requests import TaskFields
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import Task
from task_manager.v1.task_service_pb2 import StopTaskResponse
from task_manager.values import Json

SALES = """\
region,product,units,price
north,green tea,12,4.50
south,green tea,30,4.20
north,oolong,7,9.00
south,pu-erh,4,31.50
west,oolong,15,8.80
"""

SUMMARISE = """\
def summarise(text):
    lines = text.splitlines()
    columns = lines[0].split(",")
    revenue = {}
    for line in lines[1:]:
        row = dict(zip(columns, line.split(",")))
        amount = int(row["units"]) * float(row["price"])
        revenue[row["region"]] = round(revenue.get(row["region"], 0) + amount, 2)
    print(f"read {len(lines) - 1} rows")
    return revenue
"""

REMIND = "def remind(who, about):\n    return f'{who}, remember the {about}!'\n"

BEAT = "import time\n\ndef beat():\n    return time.strftime('%H:%M:%S')\n"

SPIN = "def spin():\n    while True:\n        pass\n"

ORDER: Json = {"customer": "Li Hua", "lines": [{"units": 3, "price": 9.0}, {"units": 1, "price": 31.5}]}

#: No task of the demo takes nearly as long.
LIMIT_SECONDS = 25.0

FINAL = (Task.SUCCESS, Task.FAILURE, Task.REVOKED)
STYLES = {"SUCCESS": "green", "FAILURE": "red", "REVOKED": "yellow", "STARTED": "cyan"}

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 100


class Unexpected(Exception):
    """A task did not do what it should."""


@dataclass(frozen=True)
class Job:
    """A task to make, and how to tell that it did the right thing."""

    name: str
    fields: TaskFields
    #: Looks at the finished task and says in a few words what came of it. Raises Unexpected.
    check: Callable[[TaskClient, Task], str]
    stop_when_started: bool = False


def jobs(orders_url: str) -> list[Job]:
    """The six tasks."""
    broken = SALES.replace("15,", "n/a,")
    summarise: TaskFields = {"function_code": SUMMARISE, "function_name": "summarise"}
    return [
        Job("sales summary", {**summarise, "task_args": [SALES]}, check_summary),
        Job("broken sales", {**summarise, "task_args": [broken]}, check_failure),
        Job("order", {"api_url": orders_url, "method": "POST", "data": ORDER, "expected_status": [201]}, check_order),
        Job(
            "reminder",
            {
                "function_code": REMIND,
                "function_name": "remind",
                "task_kwargs": {"who": "Li Hua", "about": "tea"},
                "delay_seconds": 2,
            },
            check_reminder,
        ),
        Job(
            "heartbeat",
            # Six fields: the first is seconds.
            {"function_code": BEAT, "function_name": "beat", "cron_expression": "*/2 * * * * *", "max_runs": 2},
            check_heartbeat,
        ),
        Job("endless loop", {"function_code": SPIN, "function_name": "spin"}, check_stopped, stop_when_started=True),
    ]


def check_summary(client: TaskClient, task: Task) -> str:
    """Compares with what the csv module makes of the same text, and reads what the code printed."""
    should: dict[str, float] = {}
    for row in csv.DictReader(SALES.splitlines()):
        amount = int(row["units"]) * float(row["price"])
        should[row["region"]] = round(should.get(row["region"], 0) + amount, 2)
    expect(to_python(task.last_execution.result), should)
    printed = "".join(client.logs(task.last_execution.id))
    expect(printed, "read 5 rows\n")
    return ", ".join(f"{region} {amount:.2f}" for region, amount in should.items())


def check_failure(_: TaskClient, task: Task) -> str:
    """The error and the traceback are about the user's own code, and nothing else."""
    run = task.last_execution
    expect(run.status, TaskExecution.FAILURE)
    expect(run.error, "ValueError: invalid literal for int() with base 10: 'n/a'")
    expect("line 7, in summarise" in run.traceback, True)
    expect("task_server" in run.traceback, False)
    return run.traceback.strip()


def check_order(_: TaskClient, task: Task) -> str:
    """The order service's own answer is the result."""
    answer = to_python(task.last_execution.result)
    expect(answer["status"], 201)
    expect(answer["body"], '{"number": 1001, "customer": "Li Hua", "total": 58.5}')
    return f"{answer['status']} {answer['body']}"


def check_reminder(_: TaskClient, task: Task) -> str:
    """It ran after its delay, and not long after."""
    run = task.last_execution
    expect(to_python(run.result), "Li Hua, remember the tea!")
    waited = run.started_at.ToDatetime() - task.created_at.ToDatetime()
    expect(2 <= waited.total_seconds() < 5, True)
    return f"{to_python(run.result)} ({waited.total_seconds():.2f} s later)"


def check_heartbeat(client: TaskClient, task: Task) -> str:
    """It fired twice, two seconds apart."""
    runs = [client.get_execution(run.id) for run in client.list_executions(parent_task=task.task_id)]
    expect([run.status for run in runs], [TaskExecution.SUCCESS] * 2)
    later, earlier = (run.scheduled_for.ToDatetime() for run in runs)
    expect((later - earlier).total_seconds(), 2)
    return "beat at " + " and ".join(to_python(run.result) for run in reversed(runs))


def check_stopped(_: TaskClient, task: Task) -> str:
    """Its process is gone."""
    run = task.last_execution
    expect(run.status, TaskExecution.REVOKED)
    return f"ended by signal {run.usage.exit_signal} after {run.duration:.2f} s"


def expect(found: object, wanted: object) -> None:
    """Raises Unexpected unless both are the same."""
    if found != wanted:
        message = f"{found!r} should be {wanted!r}"
        raise Unexpected(message)


def follow(client: TaskClient, made: dict[str, Job], watch_token: str) -> None:
    """Shows every change of the tasks as it happens, until all of them are final."""
    begun = time.monotonic()
    waiting = dict(made)
    shown: dict[str, Text] = {}
    for event in client.watch(watch_token=watch_token):
        seconds = time.monotonic() - begun
        task = event.task
        # Every 15 s at least there is an event: a BOOKMARK, which is about no task.
        if (job := waiting.get(task.task_id)) is not None and (line := describe(event)) != shown.get(job.name):
            shown[job.name] = line
            console.print(Text.assemble(f"{seconds:7.2f} s  {job.name:<14} ", line))
            if job.stop_when_started and task.status == Task.STARTED:
                outcome = client.stop(task.task_id).outcome
                console.print(f"{'':11}{job.name:<14} asked to stop: {StopTaskResponse.Outcome.Name(outcome)}")
            if task.status in FINAL:
                del waiting[task.task_id]
        if not waiting or seconds > LIMIT_SECONDS:
            return


def describe(event: TaskEvent) -> Text:
    """One change in words."""
    status, run = Task.Status.Name(event.task.status), TaskExecution.Status.Name(event.execution.status)
    if event.task.cron_expression and event.HasField("execution"):
        note = f"  run {event.task.run_count} of {event.task.max_runs} is {run}"
    else:
        note = f"  {event.execution.error}" if event.execution.error else ""
    return Text.assemble((status, STYLES.get(status, "")), (note, "dim"))


def report(client: TaskClient, made: dict[str, Job]) -> bool:
    """Prints the table of results and tells whether all are right."""
    table = Table(title="Results", title_justify="left", expand=False, show_lines=True)
    for heading in ("", "task", "kind", "status", "what came of it"):
        table.add_column(heading)
    all_right = True
    for task_id, job in made.items():
        task = client.get(task_id)
        try:
            mark, outcome = Text("✓", "green"), job.check(client, task)
        except Unexpected as problem:
            mark, outcome, all_right = Text("✗", "bold red"), str(problem), False
        status = Task.Status.Name(task.status)
        kind = f"{task.task_type} {'code' if task.function_name else 'API'}"
        table.add_row(mark, job.name, kind, Text(status, STYLES.get(status, "")), Text(outcome))
    console.print(table)
    return all_right


def demonstrate(stack: LocalStack, orders_url: str) -> bool:
    """Makes the tasks, follows them to their ends, and tells whether all results are right."""
    console.print(f"SERVING after {stack.start_seconds:.1f} s: gRPC {stack.grpc_address}, REST {stack.http_address}\n")
    with TaskClient(stack.grpc_address, stack.token) as client:
        # From here on the watch leaves nothing out.
        watch_token = next(client.list().pages).watch_token
        made = {client.create_task(job.name, **job.fields).task_id: job for job in jobs(orders_url)}
        follow(client, made, watch_token)
        console.print()
        return report(client, made)


def main() -> int:
    """Runs the demo and returns its exit status."""
    console.print("Starting broker, server, gateway, worker and scheduler ...")
    # API tasks may call public addresses only, unless the operator opens others.
    try:
        with order_service() as orders_url, local_stack(TASK_SERVER_EGRESS_ALLOW="127.0.0.0/8=*") as stack:
            all_right = demonstrate(stack, orders_url)
    except StackFailure as failure:
        console.print(Text(str(failure), "red"))
        return 1
    console.print("Stopped." if all_right else "Stopped. Not everything was as it should be.")
    return 0 if all_right else 1


if __name__ == "__main__":
    sys.exit(main())
