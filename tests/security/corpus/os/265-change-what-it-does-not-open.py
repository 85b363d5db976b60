# attack: change-what-it-does-not-open
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: fs
# success: mode, times, owner and attributes of files, which need no opening
import os
def run():
    changed = []
    for name, change in {"mode": lambda path: os.chmod(path, 0o666), "times": lambda path: os.utime(path), "attribute": lambda path: os.setxattr(path, "user.x", b"y")}.items():
        try:
            change("/tmp/sandbox-attack/open")
        except OSError:
            continue
        changed.append(name)
    return "PWNED " + ",".join(changed) if changed else "refused"
