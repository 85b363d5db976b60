"""Closed-loop load: so many callers, each with one call at a time."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

Call = Callable[[], Awaitable[object]]


async def rate(call: Call, *, callers: int, seconds: float) -> float:
    """Calls per second."""
    began = time.perf_counter()
    ends_at = began + seconds
    done = 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < ends_at:
            await call()
            done += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / (time.perf_counter() - began)


async def rates_in_turns(calls: list[Call], *, callers: int, seconds: float, turns: int = 2) -> list[float]:
    """The mean rate of each call. They take turns, so that a neighbour's noise falls on all of them."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(turns):
        for call, rates in zip(calls, found, strict=True):
            rates.append(await rate(call, callers=callers, seconds=seconds / turns))
    return [statistics.fmean(rates) for rates in found]


async def median_seconds(call: Call, *, times: int) -> float:
    """The median duration of a call, one after the other."""
    durations = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        durations.append(time.perf_counter() - began)
    return statistics.median(durations)
