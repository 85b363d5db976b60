# attack: make-names
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: fs
# success: makes a directory, a link, a pipe or a device
import os
def run():
    made = []
    for name, make in {"directory": os.mkdir, "pipe": os.mkfifo, "link": lambda path: os.symlink("/etc", path)}.items():
        path = "/tmp/sandbox-attack/" + name
        try:
            make(path)
        except OSError:
            continue
        made.append(name)
        (os.rmdir if name == "directory" else os.unlink)(path)
    return "PWNED " + ",".join(made) if made else "refused"
