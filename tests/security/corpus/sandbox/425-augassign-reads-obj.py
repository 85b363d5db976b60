# attack: augassign-reads-obj
# layer: language
# class: leak
# success: e.obj += x reads the attribute in C and hands it to __radd__
import math
class E(AttributeError):
    pass
class Take:
    def __radd__(self, other):
        self.got = other
        return 1
def run():
    t = Take()
    e = E("x", name="a", obj=math)
    e.obj += t
    return "PWNED " + repr(t.got)
