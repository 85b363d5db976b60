# attack: tgkill-and-tkill
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: signal
# success: may signal threads of others
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

import os
def run():
    parent = os.getppid()
    return "PWNED" if libc.tgkill(parent, parent, 0) == 0 else "refused errno %d" % ctypes.get_errno()
