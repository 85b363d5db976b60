# attack: execve
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: exec
# success: becomes another program
import os
def run():
    os.execve("/bin/true", ["true"], {})
