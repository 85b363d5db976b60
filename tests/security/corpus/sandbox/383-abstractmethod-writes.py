# attack: abstractmethod-writes
# layer: language
# class: state
# success: abstractmethod writes an attribute into anything
import abc, collections
class A:
    pass
def run():
    abc.abstractmethod(A)
    return "PWNED"
