# attack: super-by-getattr
# layer: language
# class: escape
# success: getattr on super() with a special name
class A:
    def go(self):
        return getattr(super(), "__getattribute__")("__class__")
def run():
    return "PWNED " + repr(A().go())
