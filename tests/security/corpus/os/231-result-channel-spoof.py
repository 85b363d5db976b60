# attack: result-channel-spoof
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: result
# success: writes a result of its own to the channel: allowed, and all that is
import os, struct
def run():
    body = b'"forged"'
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, struct.pack(">cI", b"R", len(body)) + body)
        except OSError:
            pass
    os._exit(0)
