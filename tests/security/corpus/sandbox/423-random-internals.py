# attack: random-internals
# layer: language
# class: state
# success: the methods of generators lead to their generator
import random
def run():
    r = random.Random(1)
    for f in (random.choice, r.choice):
        for name in ("__self__", "_randbelow"):
            if hasattr(f, name):
                return "PWNED " + name
    r.gauss_next = 1
    return "PWNED"
