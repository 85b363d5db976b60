# attack: super-getattribute
# layer: language
# class: escape
# success: super() gives __getattribute__, which reads anything
class A:
    def go(self):
        return super().__getattribute__("__class__")
def run():
    return "PWNED " + repr(A().go())
