# attack: partial-attributes
# layer: language
# class: escape
# success: partial.func and the attributes of partial lead on
import functools
def run():
    p = functools.partial(getattr, ())
    q = functools.partial(p.func, run)
    return "PWNED " + repr(q("__globals__"))
