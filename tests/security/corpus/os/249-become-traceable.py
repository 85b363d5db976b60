# attack: become-traceable
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: lets others of its user trace it
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    return "PWNED" if libc.prctl(4, 1, 0, 0, 0) == 0 else "refused errno %d" % ctypes.get_errno()
