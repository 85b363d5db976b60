# attack: asdict-recursion
# layer: language
# class: crash
# success: a data class that holds itself becomes a dict
from dataclasses import asdict, dataclass
from typing import Any
@dataclass
class A:
    x: Any = None
def run():
    a = A()
    a.x = [a]
    return asdict(a)
