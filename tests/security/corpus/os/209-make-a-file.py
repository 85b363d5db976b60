# attack: make-a-file
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: fs
# success: makes an empty file
import os
def run():
    os.close(os.open("/tmp/sandbox-attack/made", os.O_CREAT | os.O_WRONLY))
    os.unlink("/tmp/sandbox-attack/made")
    return "PWNED"
