# attack: close-everything-and-wait
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: nobody hears of it any more
import os, time
def run():
    for descriptor in range(64):
        try:
            os.close(descriptor)
        except OSError:
            pass
    time.sleep(60)
