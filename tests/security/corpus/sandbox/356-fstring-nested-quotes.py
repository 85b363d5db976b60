# attack: fstring-nested-quotes
# layer: language
# class: escape
# success: an f-string with the same quotes inside (3.12) hides an attribute
def run():
    return f"PWNED {f"{().__class__.__base__}"}"
