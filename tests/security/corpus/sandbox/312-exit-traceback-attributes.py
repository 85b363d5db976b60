# attack: exit-traceback-attributes
# layer: language
# class: escape
# success: __exit__ gets a traceback; its frame leads to the globals
class C:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        for name in ("tb_frame", "tb_next", "tb_lineno"):
            try:
                self.found = getattr(trace, name)
            except AttributeError:
                pass
        return True
def run():
    with C() as c:
        raise ValueError
    return "PWNED " + repr(c.found)
