# attack: write-through-augassign
# layer: language
# class: state
# success: x.a += 1 and x[0] += 1 write past the guard
import math
def aug_item(x):
    x[0] += 1
def aug_attr(x):
    x.pi += 1
def run():
    for f in (lambda: aug_item(math), lambda: aug_attr(math), lambda: aug_attr(len), lambda: aug_attr(int)):
        try:
            f()
            return "PWNED"
        except (TypeError, AttributeError):
            pass
    return "no"
