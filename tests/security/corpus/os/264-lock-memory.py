# attack: lock-memory
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-mem
# success: memory that can not be swapped out
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    return "PWNED" if libc.mlockall(3) == 0 else "refused errno %d" % ctypes.get_errno()
