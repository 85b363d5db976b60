# attack: facade-in-sys-modules
# layer: language
# class: escape
# success: what a facade lacks is looked for among the real modules by its __name__
import urllib
def run():
    for name in ("__name__", "__path__", "__spec__", "__file__", "__package__", "__loader__", "__dict__", "_content", "_name"):
        try:
            return "PWNED " + repr(getattr(urllib, name))
        except AttributeError:
            pass
    return "no"
