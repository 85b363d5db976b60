class AppError(Exception):
    def __init__(self, message, code=0):
        super().__init__(message)
        self.code = code
class NotFound(AppError):
    def __str__(self): return f"not found: {self.args[0]} ({self.code})"
def risky(kind):
    try:
        if kind == "value": int("x")
        if kind == "key": {}["k"]
        if kind == "app": raise NotFound("thing", code=404)
        if kind == "chain":
            try:
                1 / 0
            except ZeroDivisionError as e:
                raise AppError("wrapped", 1) from e
        if kind == "assert": assert kind == "x", "an assertion"
        return "fine"
    except (ValueError, KeyError) as e:
        return f"{type(e).__name__}: {e}"
    except NotFound as e:
        return [str(e), e.code, e.args]
    except AppError as e:
        return repr(e)
    except AssertionError as e:
        return e.args[0]
    else:
        return "else"
    finally:
        log.append(kind)
class Old(ValueError):
    def __init__(self, text):
        ValueError.__init__(self, text, "more")
log = []
def run():
    results = [risky(k) for k in ("value", "key", "app", "chain", "assert", "none")]
    try:
        try:
            raise KeyError("a")
        except KeyError:
            raise
    except LookupError as e:
        results.append(e.args)
    try:
        e = ValueError("with a note")
        e.add_note("note")
        raise e from None
    except ValueError as error:
        results.append(str(error))
    for i in range(3):
        try:
            continue
        finally:
            log.append(i)
    else:
        log.append("else")
    return [results, log, Old("x").args]
