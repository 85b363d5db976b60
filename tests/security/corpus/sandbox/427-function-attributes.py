# attack: function-attributes
# layer: language
# class: state
# success: attributes of functions can be set
import json
def run():
    for f in (json.dumps, run, len, print, "{}".format):
        try:
            f.x = 1
            return "PWNED"
        except (TypeError, AttributeError):
            pass
    return "no"
