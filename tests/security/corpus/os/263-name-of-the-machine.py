# attack: name-of-the-machine
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: leak
# success: the machine's name and kernel
import os
def run():
    return "PWNED " + os.uname().nodename
