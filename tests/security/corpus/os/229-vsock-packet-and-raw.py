# attack: vsock-packet-and-raw
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: net
# success: opens a socket of a kind that leads to the host or past the rules
import socket
def run():
    opened = []
    for name, kind in {"vsock": (40, 1, 0), "packet": (17, 3, 0), "raw": (2, 3, 1), "ping": (2, 2, 1), "alg": (38, 5, 0), "tipc": (30, 4, 0), "bluetooth": (31, 3, 0)}.items():
        try:
            socket.socket(*kind).close()
        except OSError as error:
            if error.errno not in (1, 13):
                continue  # the kernel has no such thing; nothing was refused
            continue
        opened.append(name)
    return "PWNED " + ",".join(opened) if opened else "refused"
