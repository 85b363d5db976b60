# attack: class-cell-name
# layer: language
# class: escape
# success: __class__ as a name in a method
class A:
    def go(self):
        return __class__
def run():
    return "PWNED " + repr(A().go())
