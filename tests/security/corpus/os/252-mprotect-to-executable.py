# attack: mprotect-to-executable
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: exec
# success: makes memory that it has executable
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    page = libc.mmap
    page.restype = ctypes.c_void_p
    address = page(None, ctypes.c_size_t(4096), 3, 0x22, -1, 0)
    return "PWNED" if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5) == 0 else "refused errno %d" % ctypes.get_errno()
