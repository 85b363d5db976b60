# attack: except-star
# layer: language
# class: escape
# success: except* groups exceptions and hands out .exceptions
def run():
    try:
        raise ValueError
    except* ValueError as group:
        return "PWNED " + repr(group.exceptions)
