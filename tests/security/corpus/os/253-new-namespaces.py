# attack: new-namespaces
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: kernel
# success: a user namespace, where it would be root
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    return "PWNED" if libc.unshare(0x10000000) == 0 else "refused errno %d" % ctypes.get_errno()
