from dataclasses import dataclass
from enum import Enum
from collections import namedtuple
@dataclass
class Point:
    x: int
    y: int
class Color(Enum):
    RED = 1
    BLUE = 2
class Node:
    def __init__(self, _kind, left=None): self._kind, self.left = _kind, left
Pair = namedtuple("Pair", "a b")
def describe(value):
    match value:
        case 0 | 1:
            return "bit"
        case -5 | 2.5 | "text" | b"b" | None | True:
            return "literal"
        case Color.RED:
            return "red"
        case Color():
            return "color"
        case Point(0, 0):
            return "origin"
        case Point(x=0, y=y):
            return f"on y at {y}"
        case Point(x, y) if x == y:
            return f"diagonal {x}"
        case Point():
            return "point"
        case Pair(a, b=b):
            return f"pair {a} {b}"
        case Node(_kind="leaf"):
            return "leaf"
        case Node(left=Node(_kind=kind)):
            return f"over {kind}"
        case {"type": "circle", "r": r, **rest}:
            return ["circle", r, rest]
        case {"items": [first, *others]}:
            return [first, others]
        case []:
            return "empty"
        case [x]:
            return f"one {x}"
        case [int(a), str(b)]:
            return f"int {a} str {b}"
        case (a, (b, *c)) as whole:
            return [a, b, c, len(whole)]
        case str(s) | bytes(s):
            return f"text {len(s)}"
        case int() | float():
            return "number"
        case ValueError():
            return "error"
        case _:
            return "other"
def run():
    values = [0, -5, 2.5, "text", None, Color.RED, Color.BLUE, Point(0, 0), Point(0, 3), Point(2, 2), Point(1, 2), Pair(1, 2),
              Node("leaf"), Node("tree", Node("leaf")), {"type": "circle", "r": 2, "z": 1}, {"items": [1, 2, 3]}, [], [7],
              [1, "b"], (1, (2, 3, 4)), "hello", b"by", 17, 1.5, ValueError("x"), {1}]
    return [describe(v) for v in values]
