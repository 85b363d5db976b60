# attack: type-of-class
# layer: language
# class: escape
# success: type(X) of a class is its metaclass, which makes classes with any attributes
def run():
    class A:
        pass
    M = type(A)
    return "PWNED " + repr(M("B", (), {"__getattribute__": lambda s, n: n})().x)
