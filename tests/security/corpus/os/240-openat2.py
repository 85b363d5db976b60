# attack: openat2
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: fs
# success: opens by the newest call for it
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    how = (ctypes.c_uint64 * 3)(0, 0, 0)
    return "PWNED" if libc.syscall(437, -100, b"/etc/passwd", how, 24) >= 0 else "refused errno %d" % ctypes.get_errno()
