# attack: match-value-format
# layer: language
# class: leak
# success: a dotted value pattern of text reads its unguarded format
def run():
    match 1:
        case str.format:
            return "PWNED"
    return "no"
