# attack: posix-shared-memory
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: ipc
# success: memory that others can open
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    descriptor = libc.shm_open(b"/task-server-attack", 0o102, 0o600)
    if descriptor < 0:
        return "refused errno %d" % ctypes.get_errno()
    libc.shm_unlink(b"/task-server-attack")
    return "PWNED"
