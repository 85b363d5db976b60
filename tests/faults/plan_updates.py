"""Load that is updated: what runs, waits, fires and is tried again must be of one version, never of two."""

from __future__ import annotations

from typing import Any

from tests.faults.item import DEFAULT_QUEUE, NARROW_QUEUE, Deed, Dice, Draft, Kind, backoff, versioned


def _updated(rng: Dice, key: str) -> Draft:
    """Updates race one another and the run."""
    body = f"time.sleep({rng.uniform(0.0, 1.0):.2f})"
    versions = tuple(versioned(version, body) for version in range(rng.randint(2, 4)))
    when = rng.uniform(0.0, 1.0)
    deeds = (_update(rng, version, when + rng.uniform(0.0, 0.1)) for version in range(1, len(versions)))
    delay = {"delay_seconds": round(rng.uniform(0.2, 1.5), 2)} if rng.random() < 0.5 else {}
    return Draft(versions[0] | delay, {"versions": versions, "deeds": tuple(deeds)})


def _moved(rng: Dice, key: str) -> Draft:
    """A delayed task gets another time, and another queue, with another code."""
    queues = rng.sample([DEFAULT_QUEUE, NARROW_QUEUE], 2)
    versions = tuple(
        versioned(version) | {"delay_seconds": round(rng.uniform(0.5, rng.longest), 2), "queue": queue}
        for version, queue in enumerate(queues)
    )
    # Often about when its first time comes.
    when = versions[0]["delay_seconds"] + rng.uniform(-0.5, 0.2) if rng.random() < 0.5 else rng.uniform(0.0, 2.0)
    return Draft(versions[0], {"versions": versions, "deeds": (_update(rng, 1, max(0.0, when)),)})


def _mended(rng: Dice, key: str) -> Draft:
    """What fails and is tried again until somebody mends it."""
    versions = (versioned(0, "raise ValueError('not mended yet')"), versioned(1))
    policy = {"retry_policy": backoff(rng, 90)}
    return Draft(versions[0] | policy, {"versions": versions, "deeds": (_update(rng, 1, rng.uniform(0.2, 2.0)),)})


def _rescheduled(rng: Dice, key: str) -> Draft:
    """A schedule that goes by other times from now on."""
    before, after = tuple(range(0, 60, 2)), rng.choice([tuple(range(1, 60, 2)), tuple(range(0, 60, 3))])
    fields = [versioned(0) | _cron(before), versioned(1) | _cron(after)]
    more: dict[str, Any] = {"seconds_of_minute": before, "later_seconds": after, "versions": tuple(fields)}
    more["ends_after"] = rng.uniform(7.0, 7.0 + rng.longest)
    # Firings that come in an outage are made, each; the update alone leaves out what it finds not made yet.
    more["deeds"] = (_update(rng, 1, rng.uniform(0.5, 3.0)),)
    return Draft({**fields[0], "misfire_policy": "FIRE_ALL"}, more)


def _cron(seconds: tuple[int, ...]) -> dict[str, str]:
    return {"cron_expression": f"{','.join(map(str, seconds))} * * * * *"}


def _update(rng: Dice, version: int, seconds: float) -> Deed:
    return Deed(what="update", version=version, seconds=seconds, with_etag=rng.random() < 0.5)


KINDS: dict[str, tuple[Kind, int]] = {
    "updated": (_updated, 5),
    "moved": (_moved, 4),
    "mended": (_mended, 2),
    "rescheduled": (_rescheduled, 1),
}
