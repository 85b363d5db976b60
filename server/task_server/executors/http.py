"""Runs API tasks."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from task_server.domain.actions import MAX_RESULT_BYTES, HttpAction
from task_server.domain.outcome import Outcome
from task_server.domain.secret import SealedSecret
from task_server.domain.status import FailureReason
from task_server.executors.egress import EgressPolicy
from task_server.executors.egress_proxy import EgressProxy
from task_server.executors.executor import AttemptId, Run
from task_server.executors.retry_after import answer_of
from task_server.executors.sandboxed_run import start_sandboxed
from task_server.executors.scrubber import Stream
from task_server.executors.unsealing import secrets_unavailable, unsealed
from task_server.sandbox.limits import Limits
from task_server.sandbox.supervisor import Supervisor
from task_server.sealing.sealer import CannotOpen, Sealer

logger = logging.getLogger(__name__)

#: The module that children of this executor run. By name: this process loads none of it.
RUNNER = "task_server.executors.http_runner"
#: What is kept of an answer's body, in bytes after decoding. As base64 inside JSON it stays far below a result's limit.
DEFAULT_MAX_BODY_BYTES = 256 * 1024
#: A request with its answer is small; what is left is the name lookup, TLS and the sockets of several hops.
DEFAULT_LIMITS = Limits(wall_seconds=300.0, cpu_seconds=60, result_bytes=MAX_RESULT_BYTES, open_files=32)

#: Those with an answer that is not as expected.
_NOT_AS_EXPECTED = frozenset({FailureReason.UNEXPECTED_STATUS, FailureReason.ASSERTION_FAILED})
_REASONS = _NOT_AS_EXPECTED | frozenset(
    {
        FailureReason.REQUEST_FAILED,
        FailureReason.EGRESS_DENIED,
        FailureReason.MEMORY_LIMIT,
    }
)


class HttpExecutor:
    """Makes each HTTP call in a child of its own; the process they are forked from starts with the first call.

    Parameters:
        egress: where calls may go.
        proxy: what all calls go through; None for calling directly.
        ca_file: certificates (PEM) that are trusted besides the machine's and Mozilla's: those of the operator's own
            services. Read once, here.
        limits: what one run may use; `wall_seconds` gives way to the timeout of each run.
        max_body_bytes: what is kept of an answer's body.
        stop_grace: seconds between asking a stopped run to end and killing it.
        sealer: opens the secrets of actions.

    Raises ValueError when `ca_file` can not be read.
    """

    def __init__(
        self,
        *,
        egress: EgressPolicy = EgressPolicy(),  # noqa: B008 - frozen
        proxy: EgressProxy | None = None,
        ca_file: Path | None = None,
        limits: Limits = DEFAULT_LIMITS,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        stop_grace: float = 1.0,
        sealer: Sealer | None = None,
    ) -> None:
        self._sealer = sealer or Sealer()
        self._egress = _given(egress)
        self._proxy = asdict(proxy) if proxy else None
        self._ca_certificates = _certificates(ca_file) if ca_file else ""
        self._limits = limits
        self._max_body_bytes = max_body_bytes
        self._supervisor = Supervisor(RUNNER, stop_grace=stop_grace)

    def start(
        self,
        action: HttpAction,
        *,
        attempt: AttemptId,
        timeout: float,
        log: Callable[[str], None],
        sealed: Sequence[SealedSecret] = (),
    ) -> Run:
        """Start the action; see Executor. The timeout holds for the call as a whole, redirects and body included.

        Its secrets are opened here, go to the child through its pipe and nowhere else, and are kept out of what comes back.
        """
        try:
            action, scrubber = unsealed(action, sealed, self._sealer)
        except CannotOpen as error:
            logger.error("the secrets of a run can not be opened: %s", error)
            return secrets_unavailable()
        output = scrubber.stream(log)
        job = {
            "action": asdict(action),
            "attempt": asdict(attempt),
            "egress": self._egress,
            "proxy": self._proxy,
            # The text, not the file's name: a child may be unable to open files.
            "ca_certificates": self._ca_certificates,
            "max_body_bytes": self._max_body_bytes,
        }
        run = start_sandboxed(
            self._supervisor,
            json.dumps(job).encode(),
            self._limits.within(timeout),
            reasons=_REASONS,
            log=output.write,
            said=scrubber.ending,
        )
        return _Call(run, output)

    def close(self) -> None:
        """End everything that still runs."""
        self._supervisor.close()


class _Call:
    """A run whose outcome says, where the answer was not as expected, when it may be tried again."""

    def __init__(self, run: Run, output: Stream) -> None:
        self._run = run
        self._output = output

    def wait(self) -> Outcome:
        outcome = self._run.wait()
        self._output.close()
        if outcome.failure_reason not in _NOT_AS_EXPECTED:
            return outcome
        status, seconds = answer_of(outcome.result_json, datetime.now(UTC))
        return replace(outcome, http_status=status, retry_after=seconds)

    def stop(self) -> None:
        self._run.stop()

    def kill(self) -> None:
        self._run.kill()


def _given(policy: EgressPolicy) -> dict[str, Any]:
    """What a policy is made of, for the child to make it again."""
    return {each.name: getattr(policy, each.name) for each in fields(policy) if each.init}


def _certificates(file: Path) -> str:
    try:
        text = file.read_text(encoding="ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:
        message = f"the certificates in {file} can not be read: {error}"
        raise ValueError(message) from error
    return text
