# attack: enum-of-number
# layer: language
# class: escape
# success: members that are numbers or text pass for plain values
from enum import Enum
def run():
    class N(int, Enum):
        A = 1
    return "PWNED " + str(N.A + 1)
