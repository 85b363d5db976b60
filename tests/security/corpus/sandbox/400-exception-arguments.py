# attack: exception-arguments
# layer: language
# class: escape
# success: exceptions of guards hold something in their arguments
import math
def run():
    seen = []
    for f in (lambda: math.x, lambda: getattr(1, 1), lambda: setattr(math, "a", 1), lambda: vars(1), lambda: type(len), lambda: print(1, file=2), lambda: "{.gi_frame}".format(x for x in ())):
        try:
            f()
        except Exception as e:
            seen += e.args
            if hasattr(e, "obj"):
                return "PWNED obj"
    return "no" if all(isinstance(s, str) for s in seen) else "PWNED " + repr(seen)
