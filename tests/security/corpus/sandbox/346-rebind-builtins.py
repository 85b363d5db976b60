# attack: rebind-builtins
# layer: language
# class: state
# success: builtins that the guards use are bound anew by the task
def isinstance(a, b):
    return False
def type(x):
    return int
def getattr(*a):
    return 1
def run():
    g = (x for x in ())
    return "PWNED " + repr(g.gi_running)
