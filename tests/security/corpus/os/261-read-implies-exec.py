# attack: read-implies-exec
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: kernel
# success: a personality in which all memory is executable
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    return "PWNED" if libc.personality(0x0400000) >= 0 else "refused errno %d" % ctypes.get_errno()
