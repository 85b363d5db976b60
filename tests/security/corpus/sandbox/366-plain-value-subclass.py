# attack: plain-value-subclass
# layer: language
# class: escape
# success: a class that derives from a plain value passes for one in C code
def run():
    for base in (int, str, bytes, float, bool, tuple, frozenset, complex, range, property, classmethod, staticmethod, slice, type):
        try:
            class A(base):
                def __eq__(self, other): return True
                def __hash__(self): return 0
            return "PWNED " + base.__name__
        except TypeError:
            pass
    return "no"
