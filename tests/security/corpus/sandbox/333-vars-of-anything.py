# attack: vars-of-anything
# layer: language
# class: leak
# success: vars() of a module, a function or a class
import math
def run():
    for x in (math, run, len, int, (y for y in ()), ValueError("x")):
        try:
            return "PWNED " + repr(vars(x))
        except TypeError:
            pass
    return "no"
