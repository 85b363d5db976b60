# attack: type-statement
# layer: language
# class: escape
# success: type X = ... evaluates lazily past the guards (3.12)
type X = ().__class__.__base__
def run():
    return "PWNED " + repr(X.__value__)
