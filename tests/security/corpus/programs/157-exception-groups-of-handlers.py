import decimal, json, statistics
HANDLERS = {ZeroDivisionError: "zero", (KeyError, IndexError): "lookup"}
def attempt(f):
    try:
        return f()
    except tuple(k for k in HANDLERS if isinstance(k, type)) as e:
        return "zero"
    except (KeyError, IndexError) as e:
        return f"lookup {e!r}"
    except json.JSONDecodeError:
        return "json"
    except (decimal.InvalidOperation, statistics.StatisticsError) as e:
        return type(e).__name__
    except Exception as e:
        return f"{e.__class__.__name__}"
def run():
    return [attempt(f) for f in (lambda: 1 / 0, lambda: {}["a"], lambda: [][0], lambda: json.loads("{"), lambda: decimal.Decimal("x"), lambda: statistics.mean([]), lambda: None.x, lambda: "a" + 1, lambda: undefined_name, lambda: int("z"), lambda: next(iter([])), lambda: [].pop(), lambda: "ä".encode("ascii"))]
