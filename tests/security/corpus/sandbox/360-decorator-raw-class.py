# attack: decorator-raw-class
# layer: language
# class: escape
# success: a decorator gets a class before the guards
def take(x):
    found.append(getattr(x, "__subclasses__", None))
    return x
found = []
@take
class A:
    pass
def run():
    return "PWNED" if found[0] else "no"
