# attack: netlink
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: net
# success: asks the kernel about the machine's network
import socket
def run():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as there:
        there.bind((0, 0))
    return "PWNED"
