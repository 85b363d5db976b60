# attack: operator-attributes
# layer: language
# class: escape
# success: operator reads attributes or calls methods by name, or writes past the write guard
import operator
def run():
    for name in ("attrgetter", "methodcaller", "setitem", "delitem", "iadd", "call", "__builtins__"):
        if hasattr(operator, name):
            return "PWNED " + name
    return "no"
