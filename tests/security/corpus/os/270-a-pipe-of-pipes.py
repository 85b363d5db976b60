# attack: a-pipe-of-pipes
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: leak
# success: a channel to the next run through what is inherited
import os
def run():
    for descriptor in (0, 1, 2):
        os.write(descriptor, b"for the next one")
    return "PWNED" if os.read(0, 1) else "nowhere"
