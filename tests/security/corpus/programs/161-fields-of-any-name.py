from collections import namedtuple
from dataclasses import dataclass
@dataclass
class Image:
    format: str
    obj: int
@dataclass
class Wrong(ValueError):
    code: int
Pair = namedtuple("Pair", "mro format")
def run():
    found = []
    for value in (Image("png", 3), Pair(1, 2), Wrong(7)):
        match value:
            case Image(kind, number):
                found.append([kind, number])
            case Pair(one, two):
                found.append([one, two])
            case Wrong(code):
                found.append([code])
    return found
