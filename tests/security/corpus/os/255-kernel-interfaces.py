# attack: kernel-interfaces
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: kernel
# success: perf_event_open, bpf, userfaultfd, keyctl, add_key, fanotify, io_uring
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    numbers = {"x86_64": (298, 321, 323, 250, 248, 300), "aarch64": (241, 280, 282, 219, 217, 262)}[MACHINE]
    attribute = (ctypes.c_uint32 * 32)(1, 128)
    opened = [libc.syscall(numbers[0], attribute, 0, -1, -1, 0), libc.syscall(numbers[1], 0, attribute, 128), libc.syscall(numbers[2], 1), libc.syscall(numbers[3], 0, -3, 1), libc.syscall(numbers[4], b"user", b"x", b"y", 1, -3), libc.syscall(numbers[5], 0, 0), libc.syscall(425, 1, (ctypes.c_uint32 * 30)())]
    return "PWNED %r" % opened if any(one >= 0 for one in opened) else "refused"
