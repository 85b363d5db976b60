# attack: super-as-value
# layer: language
# class: escape
# success: super as a value, to be derived from or called at will
def run():
    s = super
    class A(s):
        pass
    return "PWNED " + repr(A)
