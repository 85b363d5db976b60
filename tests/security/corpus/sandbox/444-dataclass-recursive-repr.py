# attack: dataclass-recursive-repr
# layer: language
# class: crash
# success: a data class that holds itself is printed
from dataclasses import dataclass
from typing import Any
@dataclass
class A:
    x: Any = None
def run():
    a = A()
    a.x = a
    raise ValueError(a)
