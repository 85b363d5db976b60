# attack: getattr-dotted-names
# layer: language
# class: escape
# success: getattr with the inner form of names reaches fields and members
from enum import Enum
class C(Enum):
    A = 1
def run():
    for name in (".members", ".name", ".value", ".fields", ".data_fields", ".1"):
        for x in (C, C.A):
            try:
                return "PWNED " + repr(getattr(x, name))
            except AttributeError:
                pass
    return "no"
