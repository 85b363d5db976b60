# attack: keyword-argument-guard
# layer: language
# class: escape
# success: a keyword argument binds the name of a guard
def run(**_):
    def f(**kwargs):
        return ().anything
    return "PWNED " + repr(f(_getattr_=lambda o, n: n))
