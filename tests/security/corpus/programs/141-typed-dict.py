from typing import Literal, NewType, TypedDict, overload, final
class Movie(TypedDict):
    name: str
    year: int
UserId = NewType("UserId", int)
@overload
def double(x: int) -> int: ...
@overload
def double(x: str) -> str: ...
def double(x): return x * 2
@final
class Leaf: pass
def run(mode: Literal["a", "b"] = "a"):
    m: Movie = {"name": "x", "year": 1}
    n = Movie(name="y", year=2)
    return [m, n, UserId(5), double(2), double("a"), isinstance(Leaf(), Leaf)]
