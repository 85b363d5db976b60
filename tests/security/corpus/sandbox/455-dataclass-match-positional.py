# attack: dataclass-match-positional
# layer: language
# class: escape
# success: a field of a data class lends a refused name to a positional pattern
from dataclasses import dataclass
@dataclass
class Lends(AttributeError):
    obj: object = None
@dataclass
class Traceback(Exception):
    with_traceback: object
class Unset(Traceback):
    def __init__(self): pass
class Base:
    @property
    def x(self): raise Lends()
class Derived(Base):
    def go(self): return super().x
def run():
    try:
        Derived().go()
    except Lends as error:
        try:
            match error:
                case Lends(owner): return "PWNED " + repr(owner)
        except TypeError:
            pass
    try:
        match Unset():
            case Traceback(method): return "PWNED " + repr(method)
    except TypeError:
        pass
    return "no"
