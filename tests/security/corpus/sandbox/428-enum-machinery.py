# attack: enum-machinery
# layer: language
# class: escape
# success: an enumeration gives its machinery, or its members can be replaced
from enum import Enum
class C(Enum):
    A = 1
def run():
    for f in (lambda: setattr(C, "A", 2), lambda: delattr(C, "A"), lambda: C._member_map_, lambda: C.A._value_, lambda: C._members(), lambda: C.mro()):
        try:
            f()
            return "PWNED"
        except (AttributeError, TypeError):
            pass
    return "no"
