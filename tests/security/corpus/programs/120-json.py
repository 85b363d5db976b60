import json
def run():
    text = json.dumps({"b": [1, 2.5, None, True], "a": {"x": "ü"}}, sort_keys=True, indent=2, ensure_ascii=False)
    back = json.loads(text)
    custom = json.dumps({"when": {1, 2}}, default=lambda o: sorted(o))
    hooked = json.loads('{"a": {"b": 1}}', object_hook=lambda d: {k.upper(): v for k, v in d.items()})
    try:
        json.loads("{bad}")
    except json.JSONDecodeError as e:
        error = [e.msg, e.lineno, e.colno, e.pos]
    return [text, back, custom, hooked, error, json.loads("[1.5]", parse_float=str), json.dumps([1, 2], separators=(",", ":"))]
