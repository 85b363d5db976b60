# attack: surrogates-in-error
# layer: language
# class: crash
# success: text that is no character crashes the reporter
def run():
    raise ValueError("\ud800" * 10)
