# attack: spawn-a-program
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: exec
# success: starts /bin/true
import os
def run():
    pid = os.posix_spawn("/bin/true", ["true"], {})
    return "PWNED" if os.waitpid(pid, 0)[1] == 0 else "failed"
