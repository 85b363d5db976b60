# attack: class-kwargs-unpacked
# layer: language
# class: escape
# success: class A(**{"metaclass": M})
def run():
    class A(**{"metaclass": lambda *a, **k: "PWNED"}):
        pass
    return A
