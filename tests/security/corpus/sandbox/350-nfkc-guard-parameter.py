# attack: nfkc-guard-parameter
# layer: language
# class: escape
# success: a parameter becomes the name of a guard after normalisation
def run():
    def f(_ｇetattr_):
        return ().anything
    return "PWNED " + repr(f(lambda o, n: n))
