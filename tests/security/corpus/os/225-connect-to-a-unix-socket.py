# attack: connect-to-a-unix-socket
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: net
# success: reaches a service by a socket in the file system
import socket
def run():
    with socket.socket(socket.AF_UNIX) as there:
        there.connect("/tmp/sandbox-attack/socket")
        return "PWNED"
