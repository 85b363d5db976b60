# attack: dataclass-private-setattr
# layer: language
# class: escape
# success: replace, field and asdict of data classes take special names
import dataclasses
@dataclasses.dataclass
class A:
    x: int = 0
def run():
    for f in (lambda: A(**{"__class__": 1}), lambda: dataclasses.replace(A(), **{"__dict__": 1}), lambda: A(**{".fields": 1}), lambda: dataclasses.field(__class__=1)):
        try:
            f()
            return "PWNED"
        except (TypeError, AttributeError):
            pass
    return "no"
