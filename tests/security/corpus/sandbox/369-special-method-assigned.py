# attack: special-method-assigned
# layer: language
# class: escape
# success: a special method is assigned in the body of a class
class A:
    __getattr__ = lambda self, name: name
def run():
    return "PWNED " + A().anything
