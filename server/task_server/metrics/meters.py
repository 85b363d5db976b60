"""All that is counted and measured as it happens. What is read from elsewhere when it is asked for is a `reading`."""

from __future__ import annotations

from task_server.metrics.meter import Counter, Histogram

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)

CALLS = Counter("calls", "Calls of the API that have ended, by method and gRPC code.", ("method", "code"))
CALL_SECONDS = Histogram("call_seconds", "How long calls took; streams are not among them.", ("method",), bounds=_SHORT)
REFUSALS = Counter(
    "refusals",
    "Calls that ended with an error of ours, by its reason: INVALID_CREDENTIALS, PERMISSION_DENIED, RATE_LIMITED and so on.",
    ("reason",),
)
EXECUTIONS = Counter(
    "executions",
    "Executions whose end this process stored, by final status, failure reason and kind of action.",
    ("status", "reason", "kind"),
)
WAIT_SECONDS = Histogram("wait_seconds", "From due to claimed.", ("kind",), bounds=_LONG)
START_SECONDS = Histogram("start_seconds", "From asking for a claim to a running child.", ("kind",), bounds=_SHORT)
RUN_SECONDS = Histogram("run_seconds", "From a running child to its outcome.", ("kind",), bounds=_LONG)
LEASES_LOST = Counter("leases_lost", "Runs that this worker gave up because it could not keep their leases.")
HANDED_ON = Counter("handed_on", "Messages of code that this worker handed on, since it runs none.")
PUBLISHED = Counter("published", "Messages that the broker took.")
PUBLISH_FAILURES = Counter("publish_failures", "Batches of messages that the broker did not take.")
