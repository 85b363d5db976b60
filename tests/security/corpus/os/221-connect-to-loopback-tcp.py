# attack: connect-to-loopback-tcp
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: net
# success: reaches a service of this machine
import socket
def run():
    with socket.create_connection(("127.0.0.1", CANARY_PORT), 1) as there:
        return "PWNED " + repr(there)
