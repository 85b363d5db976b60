# attack: special-methods-forbidden
# layer: language
# class: escape
# success: special methods that answer for attributes or make objects can be defined
class A:
    def __getattribute__(self, name):
        return name
    def __new__(cls):
        return 1
    def __del__(self):
        pass
    def __init_subclass__(cls):
        pass
    def __class_getitem__(cls, x):
        return x
    def __set_name__(self, o, n):
        pass
    def __reduce__(self):
        return (run, ())
    def __index__(self):
        return 1
    def __get__(self, o, t):
        return o
    def __instancecheck__(self, x):
        return True
    def __prepare__(self):
        return {}
def run():
    return "PWNED"
