# attack: type-of-function
# layer: language
# class: escape
# success: type(f) makes functions of code objects
def run():
    return "PWNED " + repr(type(run))
