# attack: namedtuple-make-other
# layer: language
# class: escape
# success: _make of a named tuple makes an object of another class
import collections
def run():
    P = collections.namedtuple("P", "a b")
    return "PWNED " + repr(getattr(P._make, "__func__")(list, [1, 2]))
