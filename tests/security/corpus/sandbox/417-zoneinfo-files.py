# attack: zoneinfo-files
# layer: language
# class: leak
# success: a time zone reads a file by its name
import zoneinfo
def run():
    z = zoneinfo.ZoneInfo("UTC")
    for name in ("from_file", "no_cache", "clear_cache"):
        if hasattr(z, name):
            return "PWNED " + name
    for key in ("../../../etc/passwd", "/etc/passwd", "UTC\0", "."):
        try:
            zoneinfo.ZoneInfo(key)
            return "PWNED " + key
        except zoneinfo.ZoneInfoNotFoundError:
            pass
    return "no"
