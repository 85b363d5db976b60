"""The load: what is to be created and done to it, when. All of it follows from the seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tests.faults import plan_deadlines, plan_groups, plan_keys, plan_updates
from tests.faults.item import FAILURE, Deed, Dice, Draft, Item, Kind, action, backoff, call, code
from tests.faults.options import Options


def _sum(rng: Dice, key: str) -> Draft:
    a, b = rng.randrange(1000), rng.randrange(1000)
    return Draft(code("return a + b", a, b), {"result": a + b})


def _raise(rng: Dice, key: str) -> Draft:
    return Draft(code("raise ValueError('as planned')"), {"ends": FAILURE, "failure_reason": "EXCEPTION"})


def _print(rng: Dice, key: str) -> Draft:
    lines = rng.randint(1, 30)
    body = f"for i in range({lines}):\n        print('{key} line', i)"
    return Draft(code(body), {"prints": "".join(f"{key} line {i}\n" for i in range(lines))})


def _sleep(rng: Dice, key: str) -> Draft:
    seconds = round(rng.choice([rng.uniform(0.1, 1.0), rng.uniform(1.0, rng.longest * 2 / 3)]), 2)
    return Draft(code("time.sleep(a)\n    return a", seconds), {"result": seconds})


def _plain_call(rng: Dice, key: str) -> Draft:
    return Draft(call(key))


def _slow_call(rng: Dice, key: str) -> Draft:
    return Draft(call(key, "slow", round(rng.uniform(0.2, 3.0), 2)))


def _long_call(rng: Dice, key: str) -> Draft:
    """Longer than a lease: whoever loses it must have ended the call before another one begins."""
    return Draft(call(key, "slow", round(rng.uniform(rng.longest / 2, rng.longest), 2)))


def _failing_call(rng: Dice, key: str) -> Draft:
    return Draft(call(key, "fail", 1_000_000), {"ends": FAILURE, "failure_reason": "UNEXPECTED_STATUS"})


def _retried_call(rng: Dice, key: str) -> Draft:
    return Draft({**call(key, "fail", rng.randint(1, 3)), "retry_policy": backoff(rng, 5)})


def _busy_call(rng: Dice, key: str) -> Draft:
    seconds = rng.randint(1, 2)
    fields = call(key, "busy", rng.randint(1, 2), seconds)
    return Draft({**fields, "retry_policy": backoff(rng, 5)}, {"retry_after": float(seconds)})


def _retried_in_vain(rng: Dice, key: str) -> Draft:
    draft = _raise(rng, key)
    draft.fields["retry_policy"] = backoff(rng, rng.randint(1, 3))
    return draft


def _delayed(rng: Dice, key: str) -> Draft:
    return Draft({**action(rng, key), "delay_seconds": round(rng.uniform(0.2, rng.longest), 2)})


def _cron(rng: Dice, key: str) -> Draft:
    every = rng.choice([period for period in (1, 2, 5) if 2 * period <= rng.longest])
    fields = {**action(rng, key), "cron_expression": f"*/{every} * * * * *"}
    more: dict[str, Any] = {"seconds_of_minute": tuple(range(0, 60, every))}
    # However long nobody looks at the clock, each firing is to be made.
    fields["misfire_policy"] = "FIRE_ALL"
    if rng.random() < 0.5:
        return Draft({**fields, "max_runs": rng.randint(2, int(rng.longest / every))}, more)
    return Draft(fields, more | {"ends_after": rng.uniform(every + 1.0, rng.longest + 1.0)})


def _missing_cron(rng: Dice, key: str) -> Draft:
    """By the default policy, of firings missed in an outage only the latest is made."""
    draft = _cron(rng, key)
    del draft.fields["misfire_policy"]
    return draft


def _overlapping_cron(rng: Dice, key: str) -> Draft:
    """Its runs take longer than it takes to fire again."""
    policy = rng.choice(["SKIP_NEW", "QUEUE_ONE", "CANCEL_RUNNING"])
    fields = code("time.sleep(a)", round(rng.uniform(0.5, 2.5), 2))
    fields |= {"cron_expression": "* * * * * *", "overlap_policy": policy, "misfire_policy": "FIRE_ALL"}
    ends_after = rng.uniform(2.0, rng.longest)
    cut_short = policy == "CANCEL_RUNNING"
    return Draft(fields, {"seconds_of_minute": tuple(range(60)), "ends_after": ends_after, "is_cut_short": cut_short})


def _stopped_cron(rng: Dice, key: str) -> Draft:
    draft = _cron(rng, key)
    draft.more["deeds"] = (Deed(what=rng.choice(["stop", "delete"]), seconds=rng.uniform(0.5, 6.0)),)
    return draft


def _stopped_at_its_end(rng: Dice, key: str) -> Draft:
    """The stop races the end of the run: both are right, one of them must win."""
    seconds = round(rng.uniform(0.1, 0.6), 3)
    action = code("time.sleep(a)", seconds) if rng.random() < 0.6 else call(key, "slow", seconds)
    when = max(0.0, seconds + rng.uniform(-0.08, 0.06))
    return Draft(action, {"deeds": (Deed(what="stop", after="started", seconds=when),)})


def _stopped_anytime(rng: Dice, key: str) -> Draft:
    what = rng.choice(["stop", "stop", "delete"])
    return Draft(call(key, "slow", 0.2), {"deeds": (Deed(what=what, seconds=rng.uniform(0.0, 0.4)),)})


def _stopped_before(rng: Dice, key: str) -> Draft:
    delay = rng.uniform(rng.longest / 3, rng.longest)
    deed = Deed(what=rng.choice(["stop", "delete"]), seconds=rng.uniform(0.0, rng.longest / 4))
    return Draft({**call(key), "delay_seconds": round(delay, 2)}, {"deeds": (deed,)})


def _stopped_while_running(rng: Dice, key: str) -> Draft:
    what = rng.choice(["stop", "stop", "delete"])
    deed = Deed(what=what, after="started", seconds=rng.uniform(0.0, 1.0))
    return Draft(code("time.sleep(600)"), {"deeds": (deed,)})


def _run_again(rng: Dice, key: str) -> Draft:
    deeds = tuple(Deed(what="run", seconds=rng.uniform(0.0, 3.0)) for _ in range(rng.randint(1, 2)))
    return Draft(action(rng, key), {"deeds": deeds})


def _paused(rng: Dice, key: str) -> Draft:
    draft = _delayed(rng, key)
    deed = Deed(what="pause", seconds=rng.uniform(0.0, rng.longest / 2), lasts=rng.uniform(0.2, rng.longest / 2))
    draft.more["deeds"] = (deed,)
    return draft


def _repeated(rng: Dice, key: str) -> Draft:
    deeds = tuple(Deed(what="repeat", seconds=rng.choice([0.0, 0.0, rng.uniform(0.0, 3.0)])) for _ in range(2))
    return Draft(_plain_call(rng, key).fields, {"deeds": deeds})


#: The kinds of load, each with its share. Those of deadlines, updates, groups and keys are besides.
KINDS: dict[str, tuple[Kind, int]] = {
    "sum": (_sum, 14),
    "raise": (_raise, 5),
    "print": (_print, 6),
    "sleep": (_sleep, 8),
    "call": (_plain_call, 18),
    "slow call": (_slow_call, 6),
    "long call": (_long_call, 3),
    "failing call": (_failing_call, 2),
    "delayed": (_delayed, 14),
    "retried call": (_retried_call, 6),
    "busy call": (_busy_call, 3),
    "retried in vain": (_retried_in_vain, 3),
    "cron": (_cron, 3),
    "missing cron": (_missing_cron, 1),
    "overlapping cron": (_overlapping_cron, 1),
    "stopped cron": (_stopped_cron, 1),
    "stopped at its end": (_stopped_at_its_end, 8),
    "stopped anytime": (_stopped_anytime, 4),
    "stopped before": (_stopped_before, 3),
    "stopped while running": (_stopped_while_running, 3),
    "run again": (_run_again, 3),
    "paused": (_paused, 2),
    "repeated": (_repeated, 3),
    **plan_deadlines.KINDS,
    **plan_updates.KINDS,
    **plan_groups.KINDS,
    **plan_keys.KINDS,
}


def items(options: Options) -> Iterator[Item]:
    """The items of a run in the order of their times: `rate` a second on average, in uneven gaps."""
    rng = Dice(f"load {options.seed}")
    rng.longest = options.longest_delay
    # The tasks of a group come within a moment of one another, whatever else does.
    yield from sorted(_drawn(rng, options), key=lambda item: item.at)


def _drawn(rng: Dice, options: Options) -> Iterator[Item]:
    shares = [share for _, share in KINDS.values()]
    at = 0.0
    for number in itertools.count():
        at += rng.expovariate(options.rate)
        if at > options.seconds:
            return
        # Each kind comes early, so that a short run has them all.
        kind = list(KINDS)[number] if number < len(KINDS) else rng.choices(list(KINDS), shares)[0]
        key = f"{kind.replace(' ', '-')}-{number}"
        if kind in plan_groups.KINDS:
            yield from plan_groups.group(rng, key, at, kind)
            continue
        draft = KINDS[kind][0](rng, key)
        yield Item(key=key, at=at, kind=kind, fields=draft.fields, **draft.more)
