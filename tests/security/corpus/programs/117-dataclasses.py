from __future__ import annotations
from dataclasses import asdict, astuple, dataclass, field, fields, is_dataclass, replace
from typing import ClassVar, List, Optional
@dataclass
class Item:
    name: str
    price: float = 1.5
    tags: List[str] = field(default_factory=list)
    unit: ClassVar[str] = "EUR"
    def total(self, n: int) -> float:
        return self.price * n
@dataclass(order=True, frozen=True)
class Version:
    major: int
    minor: int = 0
@dataclass
class Order:
    items: list[Item]
    note: Optional[str] = None
    total: float = field(init=False, repr=False, compare=False, default=0)
    def __post_init__(self):
        self.total = sum(i.price for i in self.items)
@dataclass(kw_only=True)
class Special(Item):
    discount: int = 0
def run():
    a, b = Item("a"), Item("b", 2, tags=["x"])
    a.tags.append("t")
    order = Order([a, b])
    failures = []
    for attempt in (lambda: Item(), lambda: Item("a", 1, [], 4), lambda: Item("a", nope=1), lambda: setattr(Version(1), "major", 2)):
        try:
            attempt()
        except (TypeError, AttributeError) as e:
            failures.append(isinstance(e, TypeError))
    return [repr(a), repr(order), order.total, asdict(order), astuple(b), a == Item("a", 1.5, ["t"]), a != b, sorted([Version(2), Version(1, 5)]) == [Version(1, 5), Version(2, 0)],
            Version(1) < Version(1, 1), len({Version(1), Version(1, 0)}), repr(replace(b, name="c")), [f.name for f in fields(Item)], is_dataclass(a), Item.unit, b.total(3), failures, repr(Special(name="s", discount=3))]
