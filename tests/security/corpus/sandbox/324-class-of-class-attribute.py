# attack: class-of-class-attribute
# layer: language
# class: escape
# success: X.__class__ is the metaclass
def run():
    class A:
        pass
    return "PWNED " + repr(A.__class__("B", (), {}))
