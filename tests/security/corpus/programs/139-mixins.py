import json
class JsonMixin:
    def to_json(self): return json.dumps(self.__dict__, sort_keys=True)
class LogMixin:
    def log(self, text): self.lines.append(f"{type(self).__name__}: {text}")
class Base:
    def __init__(self): self.lines = []
    def go(self): return ["base"]
class Left(Base):
    def go(self): return ["left"] + super().go()
class Right(Base):
    def go(self): return ["right"] + super().go()
class Both(Left, Right, JsonMixin, LogMixin):
    def go(self):
        self.log("go")
        return ["both"] + super().go()
class Singleton:
    _instance = None
    @classmethod
    def get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance
def run():
    b = Both()
    return [b.go(), b.to_json(), Singleton.get() is Singleton.get()]
