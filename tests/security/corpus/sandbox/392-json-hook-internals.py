# attack: json-hook-internals
# layer: language
# class: leak
# success: hooks of json get something that belongs to the module
import json
def run():
    seen = []
    json.dumps({1: [object()]}, default=lambda o: seen.append(o) or 1)
    json.loads('{"a": 1}', object_pairs_hook=lambda p: seen.append(p))
    for o in seen:
        for name in ("__globals__", "__self__", "gi_frame"):
            if hasattr(o, name):
                return "PWNED " + name
    return "no"
