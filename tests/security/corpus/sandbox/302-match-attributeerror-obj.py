# attack: match-attributeerror-obj
# layer: language
# class: leak
# success: case E(obj=o) reads the object that an AttributeError holds, past the guard
import math
class E(AttributeError):
    pass
def run():
    try:
        math.nothing
    except AttributeError as e:
        match e:
            case E(obj=o) | AttributeError(obj=o):
                return "PWNED " + repr(o)
    return "no"
