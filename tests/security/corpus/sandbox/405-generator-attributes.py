# attack: generator-attributes
# layer: language
# class: escape
# success: every attribute of a generator but its three methods
def g():
    yield from (x for x in [1])
def run():
    it = g()
    next(it)
    for name in ("gi_frame", "gi_code", "gi_yieldfrom", "gi_running", "gi_suspended", "gi_state", "cr_frame", "ag_frame", "__next__", "__qualname__", "__iter__"):
        try:
            return "PWNED " + name + repr(getattr(it, name))
        except AttributeError:
            pass
    return "no"
