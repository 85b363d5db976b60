"""Tasks of one concurrency key: no more of them run at once than it has places, and each gets one in the end."""

from __future__ import annotations

from tests.faults.item import Dice, Draft, Kind, call, code

#: By key, how many may run at once.
PLACES = {"one": 1, "few": 2, "rated": 3}
#: How often a run of that key may start.
_RATED = {"count": 4, "seconds": 1.0}


def _keyed(rng: Dice, key: str) -> Draft:
    seconds = round(rng.uniform(0.0, 0.4), 2)
    fields = code("time.sleep(a)\n    return a", seconds) if rng.random() < 0.5 else call(key, "slow", seconds)
    result = {"result": seconds} if "function_code" in fields else {}
    return Draft({**fields, **_limit(rng)}, result)


def _limit(rng: Dice) -> dict[str, object]:
    name = rng.choice(list(PLACES))
    rate = {"start_rate": _RATED} if name == "rated" else {}
    return {"concurrency_key": name, "max_concurrent": PLACES[name], **rate}


#: The kinds, each with its share.
KINDS: dict[str, tuple[Kind, int]] = {"keyed": (_keyed, 6)}
