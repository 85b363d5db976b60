# attack: init-of-builtin
# layer: language
# class: state
# success: Base.__init__ of a class that is not one of the task changes an object in place
import collections
def run():
    c = collections.deque([1])
    collections.deque.__init__(c, [2])
    return "PWNED"
