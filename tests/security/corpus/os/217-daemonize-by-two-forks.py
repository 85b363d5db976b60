# attack: daemonize-by-two-forks
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: control
# success: a grandchild in a session of its own outlives the run
import os, time
def run():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in range(256):
                try:
                    os.close(descriptor)
                except OSError:
                    pass
            time.sleep(20)
        os._exit(0)
    time.sleep(0.2)
    return "HELD"
