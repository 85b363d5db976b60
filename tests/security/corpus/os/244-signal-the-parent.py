# attack: signal-the-parent
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: signal
# success: may signal the process that forked it
import os
def run():
    os.kill(os.getppid(), 0)
    return "PWNED"
