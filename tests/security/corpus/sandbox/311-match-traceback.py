# attack: match-traceback
# layer: language
# class: escape
# success: a class pattern reads tb_lineno of the traceback that __exit__ gets
class C:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        match trace:
            case object(tb_lineno=f):
                self.f = f
        return True
def run():
    with C() as c:
        raise ValueError
    return "PWNED " + repr(c.f)
