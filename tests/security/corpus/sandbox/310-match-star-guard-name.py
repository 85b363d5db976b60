# attack: match-star-guard-name
# layer: language
# class: escape
# success: *rest and **rest bind the names of guards
def run():
    match {"a": 1}:
        case {**__builtins__}:
            return "PWNED"
    match [1, 2]:
        case [1, *_write_]:
            return "PWNED"
