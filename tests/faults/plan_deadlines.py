"""Load with deadlines: runs that outlast theirs, whose retries it cuts, and that wait behind others until it has come."""

from __future__ import annotations

from tests.faults.item import FAILURE, NARROW_QUEUE, Dice, Draft, Kind, backoff, code


def _outlasting(rng: Dice, key: str) -> Draft:
    fields = code("time.sleep(600)") | _deadline(rng, 0.3, rng.longest / 4)
    if rng.random() < 0.3:
        fields["delay_seconds"] = round(rng.uniform(0.2, rng.longest / 2), 2)
    return Draft(fields, {"ends": FAILURE, "failure_reason": "DEADLINE_EXCEEDED"})


def _retried_until_then(rng: Dice, key: str) -> Draft:
    fields = code("raise ValueError('as planned')") | _deadline(rng, 0.5, rng.longest / 3)
    fields["retry_policy"] = backoff(rng, 100)
    return Draft(fields, {"ends": FAILURE, "failure_reason": "EXCEPTION"})


def _in_a_narrow_queue(rng: Dice, key: str) -> Draft:
    """Runs that wait for one another: some with a deadline that comes while they do."""
    seconds = round(rng.uniform(0.1, rng.longest / 6), 2)
    fields = {**code("time.sleep(a)\n    return a", seconds), "queue": NARROW_QUEUE}
    return Draft(fields | (_deadline(rng, 0.3, 3.0) if rng.random() < 0.6 else {}), {"result": seconds})


def _held_behind_the_last(rng: Dice, key: str) -> Draft:
    """Firings that are held until the one before has ended, which takes longer than they have."""
    fields = code("time.sleep(a)", round(rng.uniform(1.2, 2.5), 2)) | _deadline(rng, 0.5, 2.0)
    fields |= {"cron_expression": "* * * * * *", "overlap_policy": "QUEUE_ONE", "misfire_policy": "FIRE_ALL"}
    return Draft(fields, {"seconds_of_minute": tuple(range(60)), "ends_after": rng.uniform(2.0, rng.longest)})


def _deadline(rng: Dice, least: float, most: float) -> dict[str, float]:
    return {"deadline_seconds": round(rng.uniform(least, max(least, most)), 2)}


KINDS: dict[str, tuple[Kind, int]] = {
    "outlasting": (_outlasting, 4),
    "retried until its deadline": (_retried_until_then, 3),
    "in a narrow queue": (_in_a_narrow_queue, 6),
    "held until its deadline": (_held_behind_the_last, 1),
}
