# attack: fstring-format-spec
# layer: language
# class: leak
# success: a nested format specification walks attributes
class A:
    def __format__(self, spec):
        return spec
def run():
    return f"PWNED {A():{().__class__.__mro__}}"
