# attack: namedtuple-code
# layer: language
# class: escape
# success: a field name of namedtuple becomes code
import collections
def run():
    for fields in (["x=().__class__"], "a,b):pass", ["__class__"], ["_x"], ["class"]):
        try:
            return "PWNED " + repr(collections.namedtuple("P", fields))
        except ValueError:
            pass
    try:
        return "PWNED " + repr(collections.namedtuple("P(object): pass", "a"))
    except ValueError:
        return "no"
