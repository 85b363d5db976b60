# attack: nonlocal-guard
# layer: language
# class: escape
# success: nonlocal reaches the name of a guard
def run():
    def f():
        nonlocal _write_
        _write_ = lambda o: o
    f()
    return "PWNED"
