# attack: send-a-datagram
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: net
# success: sends UDP
import socket
def run():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.sendto(b"x", ("127.0.0.1", CANARY_PORT))
    return "PWNED"
