# attack: open-descriptors-by-using-them
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: leak
# success: more descriptors than its two pipes and nowhere
import errno, os
def run():
    found = []
    for descriptor in range(3, 1024):
        for use in (lambda: os.read(descriptor, 0), lambda: os.write(descriptor, b"")):
            try:
                use()
            except OSError as error:
                if error.errno == errno.EBADF:
                    continue
            found.append(descriptor)
            break
    return ("PWNED %r" % found) if len(found) > 2 else "sees %d" % len(found)
