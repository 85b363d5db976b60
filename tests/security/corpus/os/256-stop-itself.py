# attack: stop-itself
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: a stopped process that no clock of its own ends
import os, signal
def run():
    os.kill(os.getpid(), signal.SIGSTOP)
    return "went on"
