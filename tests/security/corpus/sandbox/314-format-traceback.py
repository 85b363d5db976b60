# attack: format-traceback
# layer: language
# class: escape
# success: str.format walks from a traceback to a frame
class C:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        self.text = "{0.tb_lineno}".format(trace)
        return True
def run():
    with C() as c:
        raise ValueError
    return "PWNED " + c.text
