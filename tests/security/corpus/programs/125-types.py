from typing import Any, Callable, Dict, Generic, Iterable, List, NamedTuple, Optional, Protocol, Tuple, TypeVar, Union, TYPE_CHECKING, cast
if TYPE_CHECKING:
    import decimal
T = TypeVar("T")
Pairs = List[Tuple[str, int]]
class Point(NamedTuple):
    x: int
    y: int = 0
    def norm(self) -> int:
        return self.x ** 2 + self.y ** 2
class Stack(Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []
    def push(self, item: T) -> "Stack[T]":
        self.items.append(item)
        return self
class Sized(Protocol):
    def size(self) -> int: ...
def total(values: Iterable[Union[int, float]], start: Optional[int] = None, *args: Any, key: Callable[[int], int] | None = None, **kw: Dict[str, Any]) -> float:
    return sum(values) + (start or 0)
def run():
    p = Point(3)
    n: int = cast(int, 5)
    return [p, p.norm(), p._replace(y=4), p._asdict(), Point._make([1, 2]), Point._fields, Stack().push(1).items, total([1, 2.5], 1), n, type(1) is int, type("a").__name__, type(p).__name__, type(None).__name__, isinstance(1, (int, str)), type(p) is Point, p.__class__.__name__]
