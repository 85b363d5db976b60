# attack: fork-bomb-bounded
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-fork
# success: starts 50 processes
import os, time
def run():
    started = 0
    for _ in range(50):
        try:
            if os.fork() == 0:
                time.sleep(1)
                os._exit(0)
        except OSError:
            break
        started += 1
    return ("PWNED %d" % started) if started else "limited"
