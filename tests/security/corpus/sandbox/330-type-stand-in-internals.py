# attack: type-stand-in-internals
# layer: language
# class: escape
# success: the stand-in for type tells of its own class
def run():
    for f in (lambda: type.mro(), lambda: type.__class__, lambda: type(type), lambda: getattr(type, "__instancecheck__"), lambda: object.__init__(type)):
        try:
            return "PWNED " + repr(f())
        except (AttributeError, TypeError):
            pass
    return "no"
