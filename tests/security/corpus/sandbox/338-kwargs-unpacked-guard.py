# attack: kwargs-unpacked-guard
# layer: language
# class: escape
# success: ** hands a function the name of a guard
def run():
    def f(**kwargs):
        return ().anything
    return "PWNED " + repr(f(**{"_getattr_": lambda o, n: n}))
