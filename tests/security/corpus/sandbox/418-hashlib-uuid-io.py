# attack: hashlib-uuid-io
# layer: language
# class: leak
# success: modules of values reach files or the machine
import hashlib, io, random, secrets, uuid
def run():
    for module, names in ((hashlib, ("file_digest",)), (uuid, ("getnode", "uuid1", "os")), (io, ("open", "FileIO", "open_code", "BytesIO", "TextIOWrapper")), (random, ("getstate", "setstate", "SystemRandom")), (secrets, ("SystemRandom", "base64"))):
        for name in names:
            if hasattr(module, name):
                return "PWNED " + name
    return "no"
