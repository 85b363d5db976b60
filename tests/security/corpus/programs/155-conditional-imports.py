try:
    import json as _json
except ImportError:
    _json = None
try:
    from math import tau as TAU
except ImportError:
    TAU = 6.28
def run():
    from collections import Counter as _Counter
    import datetime as _dt, re
    return [_json.dumps([1]), round(TAU, 2), dict(_Counter("aa")), _dt.date(2026, 1, 1).isoformat(), re.sub("a", "b", "aa")]
