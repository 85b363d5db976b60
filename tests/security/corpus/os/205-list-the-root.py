# attack: list-the-root
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: fs
# success: sees the machine's directories
import os
def run():
    return ("PWNED %d names" % len(os.listdir("/"))) if os.listdir("/") else "an empty directory"
