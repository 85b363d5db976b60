# attack: execveat-of-an-inherited-descriptor
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: exec
# success: becomes another program without naming it
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

import os
def run():
    descriptor = os.open("/bin/true", os.O_RDONLY)
    libc.execveat(descriptor, b"", None, None, 0x1000)
    return "refused errno %d" % ctypes.get_errno()
