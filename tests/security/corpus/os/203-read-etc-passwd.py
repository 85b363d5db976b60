# attack: read-etc-passwd
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: fs
# success: reads a world-readable file of the machine
def run():
    return "PWNED " + open("/etc/passwd").readline()
