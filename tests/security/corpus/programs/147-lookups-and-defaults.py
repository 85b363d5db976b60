def dig(data, path, default=None):
    for key in path.split("."):
        try:
            data = data[int(key)] if isinstance(data, list) else data[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return default
    return data
def run(data=None):
    data = data or {"a": [{"b": 1}, {"b": 2}], "c": None}
    return [dig(data, "a.1.b"), dig(data, "a.9.b", "none"), dig(data, "c.d"), data.get("z", {}).get("y"), [d.get("b") for d in data["a"]], {**data, "c": 1}["c"], len(data), list(data)]
