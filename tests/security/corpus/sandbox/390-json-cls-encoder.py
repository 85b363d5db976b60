# attack: json-cls-encoder
# layer: language
# class: escape
# success: json.dumps(cls=) hands an encoder something of the module
import json
class E:
    def __init__(self, **kw):
        self.kw = kw
    def encode(self, x):
        return " ".join(str(type(v)) for v in self.kw.values() if callable(v))
def run():
    text = json.dumps([1], cls=E)
    return "PWNED " + text if text else "no"
