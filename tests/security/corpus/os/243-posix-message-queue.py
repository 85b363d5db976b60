# attack: posix-message-queue
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: ipc
# success: a queue that others can open
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    queue = libc.mq_open(b"/task-server-attack", 0o102, 0o600, None)
    if queue < 0:
        return "refused errno %d" % ctypes.get_errno()
    libc.mq_unlink(b"/task-server-attack")
    return "PWNED"
