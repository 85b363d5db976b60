"""What the metrics of a worker tell of its cage."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from task_server.metrics.reading import Reading
from task_server.worker.capability import Capability


def cage_readings(capability: Capability, deaths: Callable[[], int]) -> Sequence[Reading]:
    """How well this worker keeps apart what it runs, whether it runs code, and how often its zygote has died."""
    level: dict[tuple[str, ...], float] = {(capability.level, ",".join(capability.layers)): 1}
    return (
        Reading("sandbox_info", "What the self-test of the sandbox found: always 1.", ("level", "layers"), level),
        Reading("code_refused", "1 where this worker runs no code.", (), {(): int(bool(capability.refusal))}),
        Reading("zygote_restarts", "Zygotes that died by themselves.", (), {(): deaths()}, grows=True),
    )
