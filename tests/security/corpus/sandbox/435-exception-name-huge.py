# attack: exception-name-huge
# layer: language
# class: result
# success: the name of an exception class is huge
from collections import namedtuple
def run():
    exec_name = "E" * 100000
    raise ValueError(namedtuple(exec_name, "a"))
