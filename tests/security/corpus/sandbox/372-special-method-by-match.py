# attack: special-method-by-match
# layer: language
# class: escape
# success: a special method is bound by a pattern in a class
class A:
    match (lambda self, name: name):
        case __getattr__:
            pass
def run():
    return "PWNED " + A().anything
