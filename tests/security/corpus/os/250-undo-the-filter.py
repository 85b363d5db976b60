# attack: undo-the-filter
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: switches the filter off, or puts another on that answers for the kernel
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    answers = [libc.prctl(22, 0, 0, 0, 0), libc.prctl(38, 0, 0, 0, 0), libc.syscall({"x86_64": 317, "aarch64": 277}[MACHINE], 2, 0, 0), libc.syscall(444, None, 0, 1)]
    return "PWNED %r" % answers if any(answer >= 0 for answer in answers) else "refused"
