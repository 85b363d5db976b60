import re
class ValidationError(ValueError):
    def __init__(self, errors):
        super().__init__("; ".join(f"{k}: {v}" for k, v in errors.items()))
        self.errors = errors
RULES = {"email": lambda v: re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", v) or "not an email", "age": lambda v: (isinstance(v, int) and 0 <= v < 150) or "out of range"}
def validate(data):
    errors = {}
    for name, rule in RULES.items():
        if name not in data:
            errors[name] = "missing"
        elif isinstance(result := rule(data[name]), str):
            errors[name] = result
    if errors:
        raise ValidationError(errors)
    return True
def run():
    try:
        validate({"email": "nope"})
    except ValidationError as e:
        return [str(e), e.errors, validate({"email": "a@b.cd", "age": 3})]
