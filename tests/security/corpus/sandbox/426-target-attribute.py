# attack: target-attribute
# layer: language
# class: state
# success: for, with, unpacking and del write past the guard
import math
def run():
    def one():
        for math.pi in [3]: pass
    def two():
        math.pi, y = 3, 4
    def three():
        [math.e, *math.tau] = 1, 2
    def four():
        del math.pi
    def five():
        for int.x in [1]: pass
    def six():
        [0 for math.pi in [3]]
    for f in (one, two, three, four, five, six):
        try:
            f()
            return "PWNED"
        except (TypeError, AttributeError):
            pass
    return "no"
