# attack: dict-attribute-write
# layer: language
# class: escape
# success: obj.__dict__ is the real one and takes special names
class A:
    pass
def run():
    a = A()
    a.__dict__["x"] = 1
    vars(a)["x"] = 1
    return "PWNED" if hasattr(a, "x") else "no"
