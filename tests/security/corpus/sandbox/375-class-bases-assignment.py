# attack: class-bases-assignment
# layer: language
# class: escape
# success: A.__bases__ = (str,)
class A:
    pass
def run():
    for f in (lambda: setattr(A, "__bases__", (str,)), lambda: delattr(A, "__module__")):
        try:
            f()
            return "PWNED"
        except (AttributeError, TypeError):
            pass
    return "no"
