# attack: match-builtin-positional
# layer: language
# class: escape
# success: a positional pattern of a class that does not bind itself reads attributes by __match_args__
import datetime
def run():
    match datetime.date(2026, 1, 1):
        case datetime.date(x):
            return "PWNED " + repr(x)
