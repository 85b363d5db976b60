# attack: class-dict-write
# layer: language
# class: escape
# success: the __dict__ of a class takes special methods
class A:
    pass
def run():
    A.__dict__["__getattr__"] = lambda s, n: n
    return "PWNED " + A().x
