# attack: system-v-ipc
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: ipc
# success: shared memory, semaphores and queues of System V
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    made = []
    for name, ident, remove in (("shm", libc.shmget(0x7A51, 4096, 0o1600), lambda i: libc.shmctl(i, 0, None)), ("sem", libc.semget(0x7A51, 1, 0o1600), lambda i: libc.semctl(i, 0, 0)), ("msg", libc.msgget(0x7A51, 0o1600), lambda i: libc.msgctl(i, 0, None))):
        if ident >= 0:
            made.append(name)
            remove(ident)
    return "PWNED " + ",".join(made) if made else "refused"
