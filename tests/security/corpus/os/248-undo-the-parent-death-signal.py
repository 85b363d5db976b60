# attack: undo-the-parent-death-signal
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: outlives its zygote
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    return "PWNED" if libc.prctl(1, 0, 0, 0, 0) == 0 else "refused errno %d" % ctypes.get_errno()
