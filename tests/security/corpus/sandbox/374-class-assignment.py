# attack: class-assignment
# layer: language
# class: escape
# success: x.__class__ = Y
class A:
    pass
class B:
    pass
def run():
    a = A()
    a.__class__ = B
    return "PWNED"
