# attack: super-subclasshook
# layer: language
# class: escape
# success: super() leads to special attributes of the base
class A:
    def go(self):
        return super().__reduce_ex__(2)
def run():
    return "PWNED " + repr(A().go())
