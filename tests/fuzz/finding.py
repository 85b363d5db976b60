"""What a call must never come to."""

from __future__ import annotations

from dataclasses import dataclass

#: Statuses that are a defect whatever was asked. UNKNOWN is what gRPC makes of an exception that nobody turned into an answer.
DEFECTS = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS"})
#: A call of any kind that has not ended by then hangs. The service's own limit for one call is below.
CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One call that came to what it must not come to."""

    #: "grpc" or "rest".
    port: str
    #: The RPC, or the HTTP method and path.
    call: str
    #: What was sent, enough to send it again.
    sent: str
    #: What came back.
    came: str

    def __str__(self) -> str:
        return f"{self.port} {self.call}\n  sent: {self.sent[:2_000]}\n  came: {self.came[:2_000]}"
