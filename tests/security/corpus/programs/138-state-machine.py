class Machine:
    TRANSITIONS = {("idle", "start"): "running", ("running", "pause"): "paused", ("paused", "start"): "running", ("running", "stop"): "idle"}
    def __init__(self):
        self._state, self._history, self._listeners = "idle", [], {}
    def on(self, state):
        def register(f):
            self._listeners.setdefault(state, []).append(f)
            return f
        return register
    def fire(self, event):
        key = (self._state, event)
        if key not in self.TRANSITIONS:
            raise ValueError(f"cannot {event} while {self._state}")
        self._state = self.TRANSITIONS[key]
        self._history.append(self._state)
        for f in self._listeners.get(self._state, ()):
            f(self)
    @property
    def history(self): return tuple(self._history)
def run():
    seen = []
    m = Machine()
    @m.on("running")
    def note(machine): seen.append(machine._state)
    for e in ("start", "pause", "start", "stop"):
        m.fire(e)
    try:
        m.fire("pause")
    except ValueError as e:
        return [m.history, seen, str(e)]
