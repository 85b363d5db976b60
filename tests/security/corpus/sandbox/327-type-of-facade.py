# attack: type-of-facade
# layer: language
# class: escape
# success: type(module) makes facades, or has the real module behind it
import math
def run():
    return "PWNED " + repr(type(math)("os", {}))
