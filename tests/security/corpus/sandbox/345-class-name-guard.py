# attack: class-name-guard
# layer: language
# class: escape
# success: a class takes the name of what makes classes
class _metaclass_:
    pass
class A:
    pass
def run():
    return "PWNED " + repr(A)
