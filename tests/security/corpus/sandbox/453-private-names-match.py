# attack: private-names-match
# layer: language
# class: escape
# success: a pattern reads private attributes of objects of libraries
import collections
P = collections.namedtuple("P", "a")
class A(P):
    pass
def run():
    match A(1):
        case A(_fields=f) | A(_field_defaults=f) | A(_asdict=f):
            return "PWNED " + repr(f)
    return "no"
