# attack: result-enum
# layer: language
# class: result
# success: members pass for JSON
from enum import Enum
class C(Enum):
    A = 1
def run():
    return {"a": C.A}
