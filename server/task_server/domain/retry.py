"""Whether and when a failed attempt is repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass

from task_server.domain.clock import Micros, seconds
from task_server.domain.status import FailureReason

#: What may go better the next time; what a policy retries that names no reasons.
DEFAULT_REASONS = frozenset(
    {
        FailureReason.EXCEPTION,
        FailureReason.TIMEOUT,
        FailureReason.CRASHED,
        FailureReason.UNEXPECTED_STATUS,
        FailureReason.REQUEST_FAILED,
        # As of a job elsewhere that is not done yet.
        FailureReason.ASSERTION_FAILED,
    }
)
#: What no policy may name: it can not go better, or has a limit of its own.
NEVER_RETRIED = frozenset(
    {
        FailureReason.EGRESS_DENIED,
        FailureReason.CODE_REFUSED,
        FailureReason.WORKER_LOST,
        FailureReason.SANDBOX_UNAVAILABLE,
        FailureReason.DEADLINE_EXCEEDED,
        FailureReason.SECRET_UNAVAILABLE,
        FailureReason.OUTCOME_UNKNOWN,
    }
)
#: The statuses that say "try again", or that a proxy gives while its server restarts (RFC 9110, 15; RFC 6585, 4; RFC 8470, 5.2).
DEFAULT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
#: The longest that an answer's Retry-After is waited for, in seconds: whoever answers does not say when our work is forgotten.
MAX_RETRY_AFTER = 86_400.0
#: What a lost attempt waits at most before the next one, in seconds.
_MAX_LOST_WAIT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How failed attempts are repeated. Waits are in seconds."""

    #: At most 100, and the multiplier at most 1,000, so that no wait is more than a float can hold.
    max_retries: int
    initial_backoff: float = 1.0
    backoff_multiplier: float = 2.0
    max_backoff: float = 600.0
    #: The share of each wait that is random, 0 to 1.
    jitter: float = 0.0
    #: HTTP statuses that are tried again; empty means DEFAULT_STATUSES.
    retry_statuses: tuple[int, ...] = ()
    #: Kinds of error that are tried again; empty means DEFAULT_REASONS.
    retry_reasons: tuple[FailureReason, ...] = ()

    def repeats(self, reason: FailureReason | None, http_status: int | None, failed_count: int) -> bool:
        """Whether another attempt follows one that failed so, as the `failed_count`-th that did (1 for the first)."""
        if failed_count > self.max_retries or reason not in (self.retry_reasons or DEFAULT_REASONS):
            return False
        if reason is FailureReason.UNEXPECTED_STATUS:
            return http_status in (self.retry_statuses or DEFAULT_STATUSES)
        return True

    def wait(self, failed_count: int, retry_after: float | None = None) -> Micros:
        """How long to wait after the `failed_count`-th failed attempt, as long at least as the answer asked for."""
        wait = min(self.initial_backoff * self.backoff_multiplier ** (failed_count - 1), self.max_backoff)
        wait *= 1 - self.jitter * random.random()  # noqa: S311 - spreads load, hides nothing
        return seconds(max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER)))


def lost_wait(lost_count: int) -> Micros:
    """How long a run is kept from the workers after its `lost_count`-th loss: 1, 2, 4 ... at most 60 s.

    What killed its worker, a machine without memory or a service that is being restarted, needs a moment to pass; and a run that
    kills whatever runs it must not do so back to back, while others run there too.
    """
    return seconds(min(2.0 ** min(lost_count - 1, 10), _MAX_LOST_WAIT))
