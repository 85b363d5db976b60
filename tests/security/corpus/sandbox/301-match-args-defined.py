# attack: match-args-defined
# layer: language
# class: escape
# success: a class that defines __match_args__ lets a pattern read the special attributes of its object
class A:
    __match_args__ = ("__class__", "__dict__")
def run():
    match A():
        case A(c, d):
            return "PWNED " + repr((c, d))
