# attack: root-again
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: kernel
# success: takes root back
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    answers = [libc.setuid(0), libc.setresuid(0, 0, 0), libc.setgid(0)]
    return "PWNED %r" % answers if 0 in answers else "refused"
