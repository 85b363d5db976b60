# attack: derive-from-type
# layer: language
# class: escape
# success: a class derives from type or its stand-in
def run():
    class M(type):
        def __call__(cls, *a):
            return a
    return "PWNED " + repr(M)
