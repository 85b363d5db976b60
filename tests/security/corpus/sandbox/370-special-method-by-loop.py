# attack: special-method-by-loop
# layer: language
# class: escape
# success: a special method is bound by for or import in a class
class A:
    for __getattr__ in [lambda self, name: name]:
        pass
def run():
    return "PWNED " + A().anything
