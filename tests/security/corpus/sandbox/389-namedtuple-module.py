# attack: namedtuple-module
# layer: language
# class: state
# success: namedtuple(module=) makes a class look like another module
import collections, json
def run():
    P = collections.namedtuple("JSONDecodeError", "msg", module="json")
    return "PWNED" if isinstance(P(1), json.JSONDecodeError) else "no"
