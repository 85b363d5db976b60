# attack: special-function-elsewhere
# layer: language
# class: escape
# success: a function with a special name is made outside and put into a class
def make():
    def __iter__(self):
        return 1
    return __iter__
class A:
    pass
def run():
    setattr(A, "__getattr__", make)
    return "PWNED " + A().anything
