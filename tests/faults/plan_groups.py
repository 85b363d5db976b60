"""Load that is stopped by filter: tasks of one module, made within a moment, some while all of the module are stopped."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.item import Deed, Dice, Draft, Item, Kind, call, code

#: Within so many seconds all tasks of a group are made.
_SPREAD_SECONDS = 1.0
_SMALLEST, _LARGEST = 4, 12


def _member(rng: Dice, key: str) -> Draft:
    match rng.randrange(5):
        case 0:
            return Draft(code("time.sleep(a)", round(rng.uniform(0.0, rng.longest / 2), 2)))
        case 1:
            return Draft(call(key))
        case 2:
            return Draft({**call(key), "delay_seconds": round(rng.uniform(0.2, rng.longest), 2)})
        case 3:
            return Draft(call(key, "slow", round(rng.uniform(0.1, 1.0), 2)))
        case _:
            fields = {**call(key), "cron_expression": "* * * * * *", "misfire_policy": "FIRE_ALL"}
            return Draft(fields, {"seconds_of_minute": tuple(range(60)), "ends_after": rng.uniform(2.0, rng.longest)})


def group(rng: Dice, key: str, at: float, kind: str) -> Iterator[Item]:
    """The tasks of one module, whose name is the key. One of them, once made, has all of the module stopped."""
    size = rng.randint(_SMALLEST, _LARGEST)
    stopping = rng.randrange(size)
    for number in range(size):
        draft = _member(rng, f"{key}-{number}")
        if number == stopping:
            draft.more["deeds"] = (Deed(what="stop module", seconds=rng.uniform(0.0, _SPREAD_SECONDS)),)
        yield Item(
            key=f"{key}-{number}",
            at=at + rng.uniform(0.0, _SPREAD_SECONDS),
            kind=kind,
            fields={**draft.fields, "module": key},
            **draft.more,
        )


KINDS: dict[str, tuple[Kind, int]] = {"stopped by module": (_member, 2)}
