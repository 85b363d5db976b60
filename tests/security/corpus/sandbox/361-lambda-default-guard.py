# attack: lambda-default-guard
# layer: language
# class: escape
# success: a default of lambda names a guard
def run():
    return "PWNED " + repr((lambda f=_getattr_: f)())
