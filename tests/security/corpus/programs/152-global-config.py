CONFIG = {"debug": False, "levels": ["info"]}
count = 0
def configure(**options):
    CONFIG.update(options)
    CONFIG["levels"] += ["warn"]
def bump():
    global count
    count += 1
    return count
class Registry:
    entries = {}
    total = 0
    @classmethod
    def add(cls, name, value):
        cls.entries[name] = value
        cls.total += value
def run():
    configure(debug=True)
    bump(), bump()
    Registry.add("a", 2)
    Registry.total *= 5
    return [CONFIG, count, Registry.entries, Registry.total]
