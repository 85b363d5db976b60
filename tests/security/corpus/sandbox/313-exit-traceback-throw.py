# attack: exit-traceback-throw
# layer: language
# class: escape
# success: a traceback is put into a generator and comes back with an exception
def g():
    try:
        yield
    except ValueError as e:
        yield e
class C:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        it = g()
        next(it)
        self.e = it.throw(kind, error, trace)
        return True
def run():
    with C() as c:
        raise ValueError
    return "PWNED " + repr(getattr(c.e, "__traceback__").tb_lineno)
