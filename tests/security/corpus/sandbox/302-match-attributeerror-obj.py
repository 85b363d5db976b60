# attack: match-attributeerror-obj
# layer: language
# class: leak
# success: case E(obj=o) reads the object that an AttributeError holds, past the guard
import math
class E(AttributeError):
    pass
def run():
    match E("x", name="a", obj=math):
        case E(obj=o):
            return "PWNED " + repr(o)
    return "no"
