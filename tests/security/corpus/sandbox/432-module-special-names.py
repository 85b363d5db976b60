# attack: module-special-names
# layer: language
# class: escape
# success: the special names of a module can be read
def run():
    return "PWNED " + repr((__debug__, __file__, __spec__, __loader__, __annotations__, __builtins__))
