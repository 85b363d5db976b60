# attack: json-cls-format
# layer: language
# class: leak
# success: json.loads(cls=) calls a method of text that formats
import json
class D:
    def __init__(self, **kw):
        self.decode = "{0.__class__.__mro__}".format
def run():
    return "PWNED " + json.loads("x", cls=D)
