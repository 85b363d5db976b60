# attack: special-method-walrus
# layer: language
# class: escape
# success: a special method is bound by := in a class
class A:
    (__getattr__ := lambda self, name: name)
def run():
    return "PWNED " + A().anything
