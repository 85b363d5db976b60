# attack: facade-submodule
# layer: language
# class: escape
# success: import of a module behind a facade by its dotted name
import urllib.request
from json import tool
def run():
    return "PWNED"
